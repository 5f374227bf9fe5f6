export const config = {
  toastMs: 5_000,
  /** At or below this the card says how few are left. */
  fewLeft: 10,
  /** Pieces in one press; the contract's most is 999. */
  qty: 1,
  /** The answer to a press stays on the button for so long. */
  doneMs: 2_500,
};
