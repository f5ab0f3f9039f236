/** Parameters of the form that a token endpoint is sent, octet by octet (RFC 6749 Appendix B). */
import { writeForm } from './encode.ts';
import type { ByteWriter } from './writer.ts';

/** RFC 6749 Appendix A.1 and A.2: visible ASCII and space. */
export const VSCHAR = (octet: number): boolean => octet >= 0x20 && octet <= 0x7e;

/** One behind others. */
export function writeParameter(body: ByteWriter, name: string, value: Uint8Array): void {
  body.text(`&${name}=`);
  writeForm(body, value);
}

/** Fixed text that was sealed, where it was. */
export function writeText(body: ByteWriter, name: string, value: string | undefined): void {
  if (value !== undefined) writeParameter(body, name, Buffer.from(value, 'latin1'));
}
