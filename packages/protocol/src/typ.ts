/** The `typ` of every signed or sealed object: explicit typing keeps one from being taken for another (RFC 8725 §3.11). */
export const TYP = Object.freeze({
  /** RFC 9068; access tokens and dispatch tokens, told apart by `aud`. */
  accessToken: 'at+jwt',
  /** RFC 9449. */
  dpop: 'dpop+jwt',
  credential: 'dauth-credential+jwe',
  seal: 'dauth-seal+jwt',
  endorsement: 'dauth-seal-key+jwt',
  executorProof: 'dauth-executor-proof+jwt',
  directory: 'dauth-executor+jws',
  status: 'dauth-status+jwt',
  checkpoint: 'dauth-checkpoint+jwt',
  tryTicket: 'dauth-try+jwt',
  redeemTicket: 'dauth-redeem+jwt',
  reseal: 'dauth-reseal+jwt',
});
