/** Why a script did not answer; becomes the failure of the call. */
export class ScriptFailure extends Error {
  override readonly name = 'ScriptFailure';

  constructor(
    readonly code: string,
    message: string,
  ) {
    super(message);
  }
}
