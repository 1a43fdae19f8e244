import { z } from 'zod';
import { filterExpression } from './expressions.js';
import { ref } from './fields.js';
import { lookup } from './lookup.js';

export const fileEncodings = ['utf8', 'win1252', 'utf-16le', 'gb18030', 'macroman', 'iso88591', 'shiftjis'] as const;

const directory = () =>
  z.object({
    pathMode: z.enum(['relativePath', 'directoryId']).optional(),
    id: z.string().optional(),
    name: z.string().optional(),
    storageRootId: z.string().optional(),
    storageRootName: z.string().optional(),
  });

/** Where files are, for adaptors `FileSystemExport` and `FileSystemImport`. */
export const filesystem = () => z.object({ directoryPath: z.string().min(1), ping: z.unknown().optional() });
export type Filesystem = z.infer<ReturnType<typeof filesystem>>;

/** `filesystem` object of a connection. */
export const filesystemConnection = () =>
  z.object({
    ping: z.object({ directoryPath: z.string().optional() }).optional(),
    /** default 1. Reference: resources §6.5. */
    concurrencyLevel: z.number().int().min(1).max(100).optional(),
  });
export type FilesystemConnection = z.infer<ReturnType<typeof filesystemConnection>>;

/** How files of an export are read. Reference: resources §4.5, runtime §7.1. */
export const fileExport = () =>
  z.object({
    encoding: z.enum(fileEncodings).optional(),
    type: z.enum(['csv', 'json', 'xlsx', 'xml', 'filedefinition']).optional(),
    output: z.enum(['records', 'metadata', 'blobKeys']).optional(),
    skipDelete: z.boolean().optional(),
    compressionFormat: z.enum(['gzip', 'zip']).optional(),
    decrypt: z.enum(['pgp']).optional(),
    purgeInternalBackup: z.boolean().optional(),
    batchSize: z.number().int().min(1).max(1000).optional(),
    sortByFields: z.array(z.object({ field: z.string(), descending: z.boolean().optional() })).optional(),
    groupByFields: z.array(z.string()).optional(),
    groupEmptyValues: z.boolean().optional(),
    csv: z
      .object({
        columnDelimiter: z.string().min(1).optional(),
        rowDelimiter: z.string().optional(),
        hasHeaderRow: z.boolean().optional(),
        trimSpaces: z.boolean().optional(),
        rowsToSkip: z.number().int().min(0).optional(),
        disableQuoteAndStripEnclosingQuotes: z.boolean().optional(),
        keyColumns: z.array(z.string()).optional(),
      })
      .optional(),
    json: z.object({ resourcePath: z.string().optional() }).optional(),
    xlsx: z
      .object({
        hasHeaderRow: z.boolean().optional(),
        keyColumns: z.array(z.string()).optional(),
        rowsPerRecord: z.union([z.boolean(), z.number()]).optional(),
      })
      .optional(),
    xml: z.object({ resourcePath: z.string().optional() }).optional(),
    fileDefinition: z
      .object({ _fileDefinitionId: ref().optional(), allowPartialSuccess: z.boolean().optional() })
      .optional(),
    filter: filterExpression().optional(),
    backupPath: z.string().optional(),
    directory: directory().optional(),
    backupDirectory: directory().optional(),
    /** Name filters, case sensitive. Reference: runtime §7.1. */
    fileNameStartsWith: z.string().optional(),
    fileNameEndsWith: z.string().optional(),
  });
export type FileExport = z.infer<ReturnType<typeof fileExport>>;

/** How files of an import are written. Reference: resources §5.4. */
export const fileImport = () =>
  z.object({
    fileName: z.string().min(1),
    type: z.enum(['json', 'csv', 'xml', 'xlsx', 'filedefinition']).optional(),
    skipAggregation: z.boolean().optional(),
    aggregation: z.object({ type: z.enum(['all', 'page', 'key']).optional(), key: z.string().optional() }).optional(),
    encoding: z.enum(fileEncodings).optional(),
    delete: z.boolean().optional(),
    compressionFormat: z.enum(['gzip', 'zip']).optional(),
    backupPath: z.string().optional(),
    purgeInternalBackup: z.boolean().optional(),
    batchSize: z.number().int().min(1).optional(),
    encrypt: z.boolean().optional(),
    pgp: z
      .object({
        symmetricKeyAlgorithm: z.enum(['twofish', 'cast5', '3des', 'aes128', 'aes192', 'aes256']).optional(),
        hashAlgorithm: z.enum(['sha256', 'sha384', 'sha512', 'sha224']).optional(),
      })
      .optional(),
    csv: z
      .object({
        rowDelimiter: z.string().optional(),
        columnDelimiter: z.string().min(1).optional(),
        includeHeader: z.boolean().optional(),
        wrapWithQuotes: z.boolean().optional(),
        replaceTabWithSpace: z.boolean().optional(),
        replaceNewlineWithSpace: z.boolean().optional(),
        truncateLastRowDelimiter: z.boolean().optional(),
        customHeaderRows: z.array(z.string()).optional(),
      })
      .optional(),
    json: z.object({ resourcePath: z.string().optional() }).optional(),
    xml: z.object({ resourcePath: z.string().optional(), body: z.string().optional() }).optional(),
    fileDefinition: z.object({ _fileDefinitionId: ref().optional() }).optional(),
    lookups: z.array(lookup()).optional(),
    skipRename: z.boolean().optional(),
    directory: directory().optional(),
    backupDirectory: directory().optional(),
  });
export type FileImport = z.infer<ReturnType<typeof fileImport>>;
