// Requests of the API.

/** Return the JSON of an answer, also of a refusal. Null if there is none. */
export async function getJson(path) {
  try {
    const response = await fetch(path, { signal: AbortSignal.timeout(8000) });
    return await response.json();
  } catch {
    return null;
  }
}
