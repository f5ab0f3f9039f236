/** The shared words of DAuth: types, strict codecs, limits, use policy and the error table. No keys, no I/O, no clock. */
export { isCloseCode, parseSubprotocols } from './web-socket.ts';
export { proofOf, type ClientProof, type ClientProofInput, type KeyProof } from './client-auth.ts';
export type { ClientCredentials } from './client-credentials.ts';
export { splitAction, type Action } from './action.ts';
export { decodeBase64url, encodeBase64url } from './base64url.ts';
export { JsonBody, parseBodyConditions, type BodyCondition, type Scalar } from './body-condition.ts';
export { foldName, pointerNames, type BodySlot } from './body-slot.ts';
export type { Capture, Captured, CapturedValue } from './capture.ts';
export { bareName, bareNames } from './field-name.ts';
export { type Decision } from './demand.ts';
export {
  detailAllows,
  detailsFromAllow,
  detailWithinAllow,
  explainDetails,
  isNarrower,
  parseConnectionDetail,
  parseDetails,
  parseDetailsRequest,
  parseEndorsements,
  type ConnectionDetail,
  type ConnectionWish,
  type CredentialDetail,
} from './details.ts';
export {
  ISOLATION_LEVELS,
  parseDirectory,
  type DirectoryKey,
  type ExecutorDirectory,
  type IsolationLevel,
} from './directory.ts';
export {
  HEADER,
  canonicalHeaderName,
  isConsumed,
  isDropped,
  isMethodOverride,
  isOverrideField,
  isPathOverride,
  parseBufferedDispatch,
  type BufferedDispatch,
} from './dispatch.ts';
export {
  encodeEnvelopeHeader,
  joinEnvelope,
  parseConnectionName,
  parseEnvelope,
  parseSuite,
  SUITES,
  type Envelope,
  type EnvelopeHeader,
  type EnvelopePolicy,
  type Pins,
  type Suite,
  type SuiteAlg,
} from './envelope.ts';
export {
  asDAuthError,
  DAuthError,
  ERRORS,
  isErrorCode,
  problemDocument,
  type ErrorCode,
  type ProblemDocument,
} from './errors.ts';
export { parseGraphqlDocument, type GraphqlOperation, type GraphqlOperationType } from './graphql-document.ts';
export { graphqlUnmet, parseGraphqlRule, type GraphqlRule } from './graphql-rule.ts';
export { installationRequest, type GithubApp } from './github-app.ts';
export { isHandle, makeHandle, parseHandle, type ConnectionHandle } from './handle.ts';
export {
  bodySlots,
  certificateOf,
  injectedFields,
  headerSlotKey,
  isScheme,
  loginOf,
  parseInjections,
  searchedFields,
  slotKeys,
  slotsOf,
  tokenSchemeOf,
  type Injection,
  type Slot,
} from './inject.ts';
export { frozen } from './frozen.ts';
export { ID_JAG, idJagRequest, type IdJag } from './id-jag.ts';
export type { JwtBearer, SigningAlg } from './jwt-bearer.ts';
export { isObject, parseJson, type JsonObject } from './json.ts';
export { joinJws, jwsSigningInput, parseClaims, splitJws, type CompactJws } from './jws.ts';
export { parsePublicJwk, parseThumbprint, thumbprintInput, type EcJwk, type OkpJwk, type PublicJwk } from './jwk.ts';
export { assertNoKnownTarget, assertNoTokenEndpoint } from './known-endpoint.ts';
export { LIMITS } from './limits.ts';
export { parseMethod, type Method } from './method.ts';
export {
  deniesOrigin,
  NO_OPERATOR_RULES,
  operatorUnmet,
  parseOperatorRules,
  type OperatorRules,
  type OperatorTarget,
} from './operator-rules.ts';
export { originParts, parseOrigin, parseResource, parseSecureUrl, type Origin, type OriginParts } from './origin.ts';
export { assertRequestPath, coversPattern, matchesPath, parsePathPattern, type PathPattern } from './path.ts';
export { allowsRequest, dependsOnBody, explainAllow, parseAllow, type AllowRule, type Target } from './policy.ts';
export { isS3, type AwsSigV4 } from './scheme-aws.ts';
export { needsBody, type Digest, type Hmac, type HmacHash } from './scheme-hmac.ts';
export { databaseOf, POSTGRES_METHODS, type Postgres, type PostgresAuth } from './scheme-postgres.ts';
export { isKeyText } from './client-key.ts';
export { isBase64, isSpace, readKeyContainer, type KeyLabel } from './key-container.ts';
export { keyUses, type KeyUse } from './key-uses.ts';
export { mtlsFields, type Mtls } from './scheme-mtls.ts';
export type { OAuth1 } from './scheme-oauth1.ts';
export { GRANT, refreshField, type OAuth2 } from './oauth2.ts';
export { assertResealed, nextHeader, parseReseal, type Reseal, type SealedVersion } from './reseal.ts';
export type { Scheme } from './scheme.ts';
export { parseConnectionLimits, type ConnectionLimits, type Quota } from './quota.ts';
export { parseQueryNames } from './query.ts';
export { distinct, exactObject, integer, list, refuse, seconds, text, UnknownMember } from './shape.ts';
export { parseEchoes, type Echoes } from './echoes.ts';
export { parseResponseHeaders } from './response-headers.ts';
export { parseSpki, pinsFor, type SpkiPins } from './spki.ts';
export {
  CONNECTION_STATUSES,
  parseConnectionStatus,
  parseStatus,
  REVOCABLE,
  type ConnectionStatus,
  type Revocable,
  type StatusChange,
  type StatusMessage,
} from './status.ts';
export { splitTarget, type RequestTarget } from './target.ts';
export {
  namedFields,
  parseFieldName,
  signingParts,
  templateParts,
  type RequestPart,
  type SigningPart,
  type Template,
  type TemplatePart,
} from './template.ts';
export { isNeverASlot } from './slot-name.ts';
export { endpointParts, parseTokenEndpoint } from './token-endpoint.ts';
export type { TokenExchange } from './token-exchange.ts';
export { endpointsOf, type TokenScheme } from './token-scheme.ts';
export { TYP } from './typ.ts';
export { decodeUtf8, encodeUtf8 } from './utf8.ts';
