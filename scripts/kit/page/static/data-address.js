// The addresses of the tab Data: #/data/PLACE/KEY, where a key that ends with a slash is a folder.

const encoded = (key) => key.split("/").map(encodeURIComponent).join("/");

/** The address of a place, or of what is in it by that key. */
export const addressOf = (place, key = "") =>
  `#/data/${encodeURIComponent(place)}${key ? `/${encoded(key)}` : ""}`;

/** The place and the key of an address. */
export function parseAddress(hash) {
  const [, , place = "", ...key] = hash.split("/").map(decoded);
  return { place, key: key.join("/") };
}

/** What somebody has typed may be no percent-encoding. */
function decoded(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
