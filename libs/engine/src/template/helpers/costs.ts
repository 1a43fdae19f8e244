/** Units of work, see work.ts. What a helper costs beyond what it is charged for its result. */
export interface HelperCost {
  readonly call: number;
  /** per character or element of each argument */
  readonly element: number;
}

const usual: HelperCost = { call: 100, element: 3 };

/** Measured where they differ; rounded up. */
const others: Readonly<Record<string, HelperCost>> = {
  ...each(['camelcase', 'pascalcase', 'dashcase', 'snakecase', 'dotcase', 'pathcase', 'sentence'], 500, 200),
  ...each(['capitalizeAll', 'truncateWords', 'reverse', 'chop'], 300, 60),
  ...each(['encodeURI', 'decodeURI', 'htmlEncode', 'htmlDecode', 'sanitize', 'jsonParse'], 300, 40),
  ...each(['sort', 'unique', 'pluck'], 300, 400),
  ...each(['split', 'occurrences', 'replace', 'some'], 200, 10),
  ...each(['sum', 'avg', 'join', 'after', 'before'], 200, 150),
  ...each(['getValue', 'filter'], 300, 100),
  ...each(['regexMatch', 'regexReplace', 'regexSearch'], 1_000, 3),
  ...each(['hash', 'hmac', 'aws4'], 10_000, 10),
  ...each(['dateAdd', 'dateFormat', 'timestamp'], 20_000, 50),
  ...each(['toFixed', 'toPrecision', 'toExponential', 'bytes', 'addCommas'], 500, 3),
};

function each(names: readonly string[], call: number, element: number): Readonly<Record<string, HelperCost>> {
  return Object.fromEntries(names.map((name) => [name, { call, element }]));
}

export function costOf(helper: string): HelperCost {
  return others[helper] ?? usual;
}
