/** Protects an MCP server and gives its tools connection handles. The untrusted host: it never sees a credential. */
export { type AuthorizationConfig, type ConnectionWish } from './config.ts';
export { type DispatchResponse } from './answer.ts';
export { connection, dispatch, HandshakeRefused, type ConnectionHandle, type DispatchRequest } from './handle.ts';
export { type ConnectionSocket, type SocketData, type SocketEnd, type SocketMessage } from './web-socket.ts';
export { postgres, type PostgresConfig, type PostgresOptions } from './postgres.ts';
export { hmacNonces, type HmacNonceOptions, type NonceSource } from './nonce.ts';
export { protect, type FetchHandler, type ProtectDeps, type Protection } from './protect.ts';
export { type ReplayStore } from '@dauth/verify';
export { caller, type AuthInfo, type Caller, type ToolContext } from './session.ts';
