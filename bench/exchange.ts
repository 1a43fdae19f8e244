import type { Dispatcher, Pool } from 'undici';

/** One request and the text of its answer. The client shares the machine with what it measures, so it makes no streams. */
export function exchange(
  pool: Pool,
  request: Pick<Dispatcher.DispatchOptions, 'path' | 'body'> & {
    readonly method: string;
    readonly headers: Record<string, string>;
  },
): Promise<{ readonly status: number; readonly text: string }> {
  return new Promise((resolve, reject) => {
    let status = 0;
    const chunks: Buffer[] = [];
    pool.dispatch(request, {
      onRequestStart: () => undefined,
      onResponseStart: (_, statusCode) => void (status = statusCode),
      onResponseData: (_, chunk) => void chunks.push(chunk),
      onResponseEnd: () => resolve({ status, text: Buffer.concat(chunks).toString() }),
      onResponseError: (_, error) => reject(error),
    });
  });
}
