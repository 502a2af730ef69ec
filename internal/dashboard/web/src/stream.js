// The connection to the instance: it comes back by itself, and knows how old everything is.

// A node that restarts is back sooner; a host that died is not.
const awayBeforeMoving = 10_000;
// Something comes every second or two. After so long without a word the connection is taken for dead, whatever the browser
// thinks.
const silence = 5_000;
const pause = 1_000;

/** A moment, by the clock that never goes back and by the one that goes on while the machine sleeps. */
export const moment = () => ({ steady: performance.now(), wall: Date.now() });

/** How long ago a moment was, in milliseconds: what either clock says, whichever is more. */
export const since = (m) => Math.max(performance.now() - m.steady, Date.now() - m.wall);

/**
 * Keeps a connection and calls on.live and on.records with what comes, on.alive when the instance has but a word, on.refused
 * when a token is wanted, and on.away each time a try fails, with the milliseconds since the last word and whether anybody
 * answered. Returns what starts it again after a token was shown.
 */
export function connect(on) {
  let source, heard = moment(), timer;

  function open() {
    clearTimeout(timer);
    source?.close();
    source = new EventSource("events");
    const opened = moment();
    const alive = () => { heard = moment(); };
    source.addEventListener("alive", () => { alive(); on.alive(); });
    source.addEventListener("records", (e) => { alive(); on.records(JSON.parse(e.data)); });
    source.addEventListener("live", (e) => { alive(); on.live(JSON.parse(e.data)); });
    source.onerror = () => { source.close(); retry(); };
    const watch = () => {
      if (Math.min(since(opened), since(heard)) > silence) {
        source.close();
        retry();
      } else {
        timer = setTimeout(watch, pause);
      }
    };
    timer = setTimeout(watch, pause);
  }

  async function retry() {
    clearTimeout(timer);
    const answer = await fetch("session", { cache: "no-store", signal: AbortSignal.timeout(silence) }).catch(() => null);
    if (answer?.status === 401) {
      on.refused();
      return;
    }
    on.away(since(heard), answer !== null);
    timer = setTimeout(open, pause);
  }

  open();
  return open;
}

/** Whether the page is better off with another instance: nobody answers here, and the fault is not this machine's own. */
export function lost(milliseconds, answered) {
  const local = ["localhost", "127.0.0.1", "[::1]"].includes(location.hostname);
  return !answered && milliseconds > awayBeforeMoving && (navigator.onLine || local);
}

/** The pages of the other instances, the likeliest to answer first: those whose lease lasts, and of these the healthy. */
export function siblings(instances) {
  const worth = (i) => (i.lease_ms > 0 ? 2 : 0) + (i.healthy ? 1 : 0);
  return instances.filter((i) => !i.self)
    .toSorted((a, b) => worth(b) - worth(a))
    .flatMap((i) => i.urls.map((url) => ({ id: i.id, url: page(url) })))
    .filter((link) => link.url !== null && !link.url.startsWith(`${location.origin}/`));
}

/** The page of the instance that is reached at a URL; null if it is none that a browser should follow. */
export function page(url) {
  let base = null;
  try {
    base = new URL(url);
  } catch {} // it is none at all
  if (base?.protocol !== "https:" && base?.protocol !== "http:") {
    return null;
  }
  base.pathname = `${base.pathname.replace(/\/+$/, "")}/dashboard/`;
  base.search = base.hash = base.username = base.password = "";
  return base.href;
}
