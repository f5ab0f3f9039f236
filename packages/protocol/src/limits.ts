/**
 * Every number of the protocol with its unit and its reason (spec/dauth.md). Never a tuning knob of one room: those
 * live in that room's configuration and may only be stricter.
 */
export const LIMITS = Object.freeze({
  /** Octets of an envelope's decoded protected header (§2). */
  envelopeHeader: 8_192,
  /** Octets of the padded plaintext of an envelope (§2). */
  plaintext: 65_536,
  /** Plaintext is padded with zeros to a multiple of this many octets, so its length says little (§2). */
  plaintextBlock: 64,
  /** Characters of a whole envelope: header and ciphertext in base64url, encapsulated key, four dots. */
  envelope: 100_000,
  /** Characters of a JWT; leaves room for a carried proof and eight details. */
  token: 32_768,
  /** Characters of a proof: DPoP, seal proof, endorsement, executor proof. */
  proof: 8_192,
  /** Characters of a status message: a burst of changes is split over several. */
  status: 262_144,
  /** Characters of the signed key directory (§7). */
  directory: 65_536,
  /** Keys in one directory. */
  directoryKeys: 32,
  /** Octets of a JSON request body outside dispatch: eight envelopes with their proofs fit. */
  jsonBody: 1_048_576,
  /** Connection details in one token (§4). */
  details: 8,
  /** Actions of all details of one token or request, and their characters: comparing two sides takes the product (§4). */
  actions: 256,
  actionsText: 32_768,
  /** Characters of `authorization_details` that carry no credential (§4). */
  wishes: 32_768,
  /** Characters of a token as it is issued: servers take 16 KiB of headers, and a proof goes beside it (§4). */
  issuedToken: 12_288,
  /** Characters that a token exchange adds to an access token, which is issued that much smaller (§4). */
  exchangeRoom: 2_048,
  /** Allow rules of one envelope, and methods, paths or query names of one rule. */
  policyEntries: 64,
  /** Actions of one detail, and methods × paths of one allow rule, so that each rule has its detail. */
  policyActions: 256,
  /** Conditions of one rule on the body. */
  bodyConditions: 16,
  /** Characters of a GraphQL document that a rule has conditions on: it is read in one piece (§2.1). */
  graphqlDocument: 131_072,
  /** Octets of a caller's body that rules have conditions on: it is read whole before anything is opened (§2.1). */
  conditionedBody: 1_048_576,
  /** Pins of the certificate keys of one origin: what is in use, what follows, and a spare (RFC 7469 §4.3). */
  spkiPins: 8,
  /** Servers, pins and injections of one envelope. */
  policyNames: 32,
  /** Connections of one owner that are not deleted, and live grants an owner gave, in one organisation (§3). */
  connectionsPerOwner: 1_000,
  grantsPerOwner: 1_000,
  /** Fields in one credential. */
  fields: 16,
  /**
   * Octets of a field's value that goes into a slot, and of all that go into one request: an answer is searched for some
   * forty forms of each while other calls wait (§2.2).
   */
  injectedValue: 4_096,
  injectedTotal: 8_192,
  /**
   * Octets of a caller's body that has a slot in it: it is read whole before anything is opened, and goes out filled, in one
   * piece in memory that is zeroed (§5.4).
   */
  injectedBody: 1_048_576,
  /** Values of a JSON body that has a slot in it or conditions on it: it is read in one piece while other calls wait (§2.1, §5.4). */
  bodyValues: 65_536,
  /** Octets and lines of a client certificate's key: RSA of 4096 bits has 3.3 KiB in 54, and answers are searched for each (§2.9). */
  clientKey: 8_192,
  clientKeyLines: 128,
  /** Octets of a line of it but the last: a shorter one is anybody's by chance, so that no answer is searched for it (§2.9). */
  clientKeyLine: 16,
  /** Octets below which a value is not injected: an answer could not be searched for it (§2.2). */
  shortestValue: 8,
  /** Octets below which a value could be guessed by watching where it is starred out (§5.3). */
  guessableValue: 12,
  /** Octets of a body that a signature covers: it is held whole before it is sent, as a buffered one is (§2.5). */
  signedBody: 4_194_304,
  /** Octets of a token endpoint's answer, and seconds for which a token is kept at most (§2.6). */
  tokenAnswer: 65_536,
  tokenKeptSeconds: 3_600,
  /** The newest assertions of one connection for which answers are searched, and octets of them together (§2.6). */
  assertions: 8,
  assertionsTotal: 8_192,
  /**
   * Values that are captured out of one answer; octets of that answer, which is read whole, and its members, each of whose names
   * is compared with many while other calls wait; and seconds for which what was captured is used at most: a year, as what is
   * sealed by hand mostly lasts (§2.8).
   */
  captures: 4,
  capturedAnswer: 131_072,
  capturedMembers: 4_096,
  capturedSeconds: 31_622_400,
  /** Seconds before its end in which a kept token is not used any more: it has to live until the upstream reads it (§2.6). */
  tokenMarginSeconds: 30,
  /** Seconds that a lease lasts, and within which its holder has sent its request (§6): an exchange takes 20 at most. */
  leaseSeconds: 30,
  leaseSendSeconds: 8,
  /** Seconds for which a refreshed token is not given up although it is refused: each one given up is a refresh (§2.6). */
  refreshPauseSeconds: 30,
  /**
   * Parameters of a form that a slot is in or a nonce is taken from, and of a query or form that is spelled anew to be signed;
   * octets of a form that OAuth 1.0 signs. Each is decoded, encoded and sorted while other calls wait (§2.5, §5.4).
   */
  parameters: 1_000,
  signedForm: 262_144,
  /** Octets of one message of a WebSocket, which its reader holds whole (§5.5). */
  webSocketMessage: 16_777_216,
  /** Frames that one message may come in: each costs its head, whatever it carries (§5.5). */
  webSocketFrames: 65_536,
  /** Subprotocols that a caller may offer (§5.5). */
  subprotocols: 16,
  /** Life of an access token in seconds (§4). */
  accessTokenSeconds: 300,
  /** Life of a dispatch token in seconds (§4). */
  dispatchTokenSeconds: 120,
  /** How long after its proof's `iat` a client's call may be acted on, in seconds (§4). */
  callWindowSeconds: 300,
  /** Life of a dispatch proof in seconds, and how long its `jti` is kept (§5). */
  proofSeconds: 60,
  proofReplaySeconds: 120,
  /** How far in the future a sender's clock may be, in seconds (§4). */
  clockLeewaySeconds: 5,
  /** Longest validity of a key directory in seconds (§7). */
  directorySeconds: 86_400,
  /** Status heartbeat and the age beyond which the executor refuses, in milliseconds (§6). */
  heartbeatMs: 250,
  freshnessMs: 750,
});
