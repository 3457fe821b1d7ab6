// Calls of the server's routes, and the three ways in which one can fail.

export class Refused extends Error {
  constructor(status, body) {
    super((body && body.error && body.error.message) || `the server refused this (${status})`);
    this.status = status;
    this.body = body;
  }
}

export class SignedOut extends Error {}

// Trying again may help.
export class Unreachable extends Error {
  constructor(message, wait_ms = 0) {
    super(message);
    this.wait_ms = wait_ms;
  }
}

export async function call(path, body, { keepalive = false, timeout_ms = 20000, method = "POST" } = {}) {
  let answer;
  try {
    answer = await fetch(`/api/review/${path}`, {
      method,
      headers: body === undefined ? {} : { "content-type": "application/json" },
      body: body === undefined ? undefined : JSON.stringify(body),
      keepalive,
      signal: keepalive ? undefined : AbortSignal.timeout(timeout_ms), // one that outlives the page has no clock
    });
  } catch (error) {
    throw new Unreachable(String(error.message || error));
  }
  if (answer.status === 401) throw new SignedOut("sign in first");
  if (answer.status >= 500 || answer.status === 429 || answer.status === 408) {
    throw new Unreachable(`the server answered ${answer.status}`, 1000 * Number(answer.headers.get("retry-after") || 0));
  }
  let content = null;
  try {
    content = await answer.json();
  } catch {
    throw new Unreachable("the answer was cut off");
  }
  if (!answer.ok) throw new Refused(answer.status, content);
  return content;
}

export function makeKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
