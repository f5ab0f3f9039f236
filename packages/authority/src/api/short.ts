/** Answers of the executor that are short or wrong. Never read without a bound. */

/** @throws Error where it is longer than `most` octets */
export async function readShort(response: Response, most: number): Promise<string> {
  const octets: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of (response.body ?? []) as AsyncIterable<Uint8Array>) {
    size += chunk.length;
    if (size > most) throw new Error('answer too large');
    octets.push(chunk);
  }
  return Buffer.concat(octets).toString('utf8');
}
