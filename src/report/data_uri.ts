/** Returns bytes as a data URI, which embeds a picture in a page. */
export function dataUri(type: string, bytes: Uint8Array): string {
  return `data:${type};base64,${bytes.toBase64()}`;
}
