import { buildFunction } from './build-function.js';

/** Writes the body of a function line by line; names are its own. */
export class CodeWriter {
  private readonly lines: string[] = [];
  private readonly constants: unknown[] = [];
  private readonly known = new Map<unknown, string>();
  private names = 0;

  name(): string {
    this.names += 1;
    return `v${this.names}`;
  }

  line(text: string): void {
    this.lines.push(text);
  }

  /** Name of a value that the generated function closes over. */
  constant(value: unknown): string {
    let name = this.known.get(value);
    if (name === undefined) {
      name = `k${this.constants.length}`;
      this.constants.push(value);
      this.known.set(value, name);
    }
    return name;
  }

  /** Declares a variable. */
  declare(expression: string): string {
    const name = this.name();
    this.line(`let ${name} = ${expression};`);
    return name;
  }

  /** The function of everything written, with the given parameters. */
  build(parameters: readonly string[]): unknown {
    const constants = Object.fromEntries(this.constants.map((value, index) => [`k${index}`, value]));
    return buildFunction(constants, `(${parameters.join(', ')}) => {\n${this.lines.join('\n')}\n}`);
  }
}
