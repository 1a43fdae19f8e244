import { defineCodes } from '#failures';

/** Codes that connectors put on failures of records and of runs. Reference: decisions 11-16, errors §4. */
export const connectorCodes = defineCodes('connector', {
  connection_refused: {
    retry: 'backoff',
    help: 'Nothing listens at the address of the connection. Check host and port.',
  },
  connection_reset: {
    retry: 'backoff',
    help: 'The application closed the connection in the middle of an exchange. It may be overloaded or restarting.',
  },
  connection_failed: {
    retry: 'backoff',
    help: 'The network gave no route to the application. Check host, port and firewall.',
  },
  dns_error: { retry: 'backoff', help: 'The host name of the connection cannot be resolved. Check its spelling.' },
  tls_error: { retry: 'never', help: 'The certificates of the application and of the connection do not go together.' },
  egress_refused: {
    retry: 'never',
    help: 'The address is private or reserved. An operator can allow it with MILLRACE_EGRESS_ALLOW.',
  },
  timeout: { retry: 'backoff', help: 'The application did not answer in time. `timeoutSeconds` raises the limit.' },
  canceled: { retry: 'never', help: 'The run was canceled before this request was sent.' },
  too_many_redirects: { retry: 'never', help: 'The application redirects in circles, or further than `maxRedirects`.' },
  redirect_refused: {
    retry: 'never',
    help: 'The application redirects to another origin, and the request body holds credentials, which never follow.',
  },
  invalid_url: {
    retry: 'never',
    help: 'The rendered address is not an http or https URL. Check baseURI and relativeURI.',
  },
  invalid_header: { retry: 'never', help: 'A rendered header has a line break or another forbidden character.' },
  response_failure: { retry: 'never', help: 'The answer does not satisfy the success or failure paths of the step.' },
  response_too_large: {
    retry: 'never',
    help: 'The answer is larger than the platform reads. Ask the application for smaller pages.',
  },
  record_too_large: { retry: 'never', help: 'A record may have at most 5 MB. The export went on without it.' },
  file_too_large: {
    retry: 'never',
    help: 'A file is handed to preParse whole, and may have at most 5 MB of text then. Split it, or do without the hook.',
  },
  request_too_large: { retry: 'never', help: 'One record alone exceeds `endPointBodyLimit`.' },
  endless_paging: {
    retry: 'never',
    help: 'Two pages in a row were identical. Check the paging settings of the export.',
  },
  missing_result: {
    retry: 'never',
    help: 'The answer to a batch holds fewer results than records were sent. Check `resourcePath`.',
  },
  invalid_record: { retry: 'never', help: 'The record has a shape that this adaptor cannot send.' },
  cursor_too_large: {
    retry: 'never',
    help: 'The position in the source takes more than 64 KB. Shorten the paging templates.',
  },
  stack_error: { retry: 'never', help: 'A function of a stack reported this error without a code of its own.' },
  authentication_failed: {
    retry: 'never',
    help: 'The application gave no token. Check the credentials of the connection.',
  },
});
