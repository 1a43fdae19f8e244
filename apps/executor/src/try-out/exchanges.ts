import type { OutboundCall } from '#connectors';
import type { TryOutStage } from '#contracts';
import type { HttpExchange } from '#failures';
import { CallLog } from '../workers/call-log.js';

/** Exchanges shown per step; a step that makes more shows the first ones. */
const maxShown = 20;

/** The requests that a try-out makes, by step, secrets removed. */
export class Exchanges {
  readonly calls = new CallLog((call) => this.#add(call));
  readonly #byStep = new Map<string, HttpExchange[]>();

  /** The stages `request` and `response` of a step; none when it spoke to nobody. Reference: runtime §21. */
  stagesOf(stepId: string): TryOutStage[] {
    const exchanges = this.#byStep.get(stepId) ?? [];
    if (exchanges.length === 0) return [];
    return [
      {
        name: 'request',
        output: exchanges.map(({ method, url, requestHeaders, requestBody }) => ({
          method,
          url,
          headers: requestHeaders,
          ...(requestBody === undefined ? {} : { body: requestBody }),
        })),
        errors: [],
      },
      {
        name: 'response',
        output: exchanges.map(({ status, responseHeaders, responseBody }) =>
          status === undefined ? {} : { statusCode: status, headers: responseHeaders, body: responseBody ?? '' },
        ),
        errors: [],
      },
    ];
  }

  #add(call: OutboundCall): void {
    const known = this.#byStep.get(call.stepId) ?? [];
    this.#byStep.set(call.stepId, known);
    if (known.length < maxShown && call.exchange !== undefined) known.push(call.exchange());
  }
}
