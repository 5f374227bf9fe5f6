/** What does not fit the contract; `member` names the place ("data.price.minor", empty: the whole). */
export class ProtocolError extends Error {
  override readonly name = 'ProtocolError';

  constructor(
    readonly member: string,
    reason: string,
  ) {
    super(member ? `${member}: ${reason}` : reason);
  }
}
