/** The owner's device: seals credentials to a verified executor key, gets tokens, signs proofs. Can never open. */
export {
  type AuditPage,
  type Caller,
  type ConnectionView,
  type KeyRotation,
  type Page,
  type StoredConnection,
  type TakenConnection,
} from './answers.ts';
export {
  type ClientView,
  type GrantView,
  type InvitationView,
  type ServerView,
  type UserView,
} from './registry-answers.ts';
export { startConnectFlow, type ConnectFlow, type ConnectFlowOptions } from './connect-flow.ts';
export { createClient, type ClientOptions, type DAuthClient } from './client.ts';
export { signInByDevice, type DeviceCode, type DeviceOptions } from './device.ts';
export {
  fetchExecutor,
  MemorySeqStore,
  type FetchExecutorOptions,
  type SeqStore,
  type VerifiedExecutor,
} from './directory.ts';
export { type Fields } from './fields.ts';
export { RemoteError } from './http.ts';
export { exportPrivateKey, generateKey, importKey, signEndorsement, signProof, type ClientKey } from './key.ts';
export { type McpProviderOptions } from './host/options.ts';
export { type ProviderStorage } from './host/records.ts';
export { type ClientMetadata, type McpProvider } from './host/shapes.ts';
export { mcpProvider } from './provider.ts';
export { seal, type InjectionInput, type SchemeInput, type SealedCredential, type SealPolicy } from './seal.ts';
export { sealLogin, type LoginToSeal, type SealedLogin } from './seal-login.ts';
export { nextPolicy, verifySeal, type ExpectedSeal, type StoredSeal, type VerifiedSeal } from './sealed.ts';
export { endSignIn, renewSignIn, type SignedInClient, type SignIn } from './sign-in.ts';
export { type Token, type TokenRequest, type TokenSource } from './tokens.ts';
