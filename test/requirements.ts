/** Every requirement of the standards whose parts are here, in the order of docs/conformance.md. */
import { ATTACKED } from './requirements/attacked.ts';
import { AUTHORIZE } from './requirements/authorize.ts';
import { CLIENT } from './requirements/client.ts';
import { DEVICE } from './requirements/device.ts';
import { RFC9449 } from './requirements/dpop.ts';
import { JWT } from './requirements/jwt.ts';
import { MCP } from './requirements/mcp.ts';
import { OAUTH } from './requirements/oauth.ts';
import type { Requirement } from './requirements/requirement.ts';

export const REQUIREMENTS: readonly Requirement[] = [
  ...OAUTH,
  ...AUTHORIZE,
  ...DEVICE,
  ...RFC9449,
  ...JWT,
  ...MCP,
  ...CLIENT,
  ...ATTACKED,
];
