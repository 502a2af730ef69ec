// The page: what comes over the connection is shown, and what is old is marked.
import { at, el, list, say, span } from "./dom.js";
import { connect, lost, moment, siblings, since } from "./stream.js";
import { heatmap } from "./heat.js";
import { open, records as recordDialog } from "./record.js";
import { signers } from "./signers.js";
import * as board from "./board.js";

// What is older than this is marked.
const fresh = 2_000;

const drawHeat = heatmap(open);
let live, age, received; // what the instance said last, how old that was, and when it came
let records, confirmed, changed = false; // what it has stored, when that was last the newest, and whether it is drawn
let stay = false; // somebody wants to wait for this instance

const again = connect({
  records(r) {
    records = r;
    changed = true;
  },
  live(event) {
    live = event.live;
    age = event.age_ms;
    received = moment();
    if (records?.version === live.records_version) {
      confirmed = received;
    }
    at("login").hidden = true;
    at("main").hidden = false;
    at("away").hidden = true;
    stay = false;
    draw();
    mark();
  },
  alive() {
    if (!live) {
      say(at("link"), "the node is starting");
    }
  },
  refused() {
    at("main").hidden = true;
    at("login").hidden = false;
    say(at("link"), "token wanted");
    at("link").dataset.state = "waiting";
  },
  away(milliseconds, answered) {
    mark();
    offer(milliseconds, answered);
  },
});
recordDialog();
setInterval(mark, 250);

function draw() {
  const known = records ?? { version: 0, wallets: [], faults: [], heat: { windows: [], operators: [], cells: [] } };
  board.header(live);
  board.now(live, known);
  board.instances(live, live.instances.age_ms + age);
  board.wallets(live, known);
  board.faults(live, known);
  board.peers(live);
  board.endpoints(live);
  signers(live);
  if (changed) {
    changed = false;
    drawHeat(known, live.operator);
  }
  say(at("trouble"), live.trouble ? `What is recorded cannot be read: ${live.trouble}` : "");
  at("trouble").hidden = live.trouble === "";
}

/** Marks what is older than two seconds, by this machine's clock from when it came and what the instance said of its age. */
function mark() {
  if (!live) {
    return;
  }
  const here = age + since(received);
  const ages = { live: here, instances: live.instances.age_ms + here, records: live.records_age_ms + here };
  if (records && records.version !== live.records_version) { // those of a process before this one, which has not read any yet
    ages.records = Math.max(ages.records, since(confirmed ?? received));
  }
  for (const section of document.querySelectorAll("section[data-source]")) {
    const old = ages[section.dataset.source];
    const unread = section.dataset.source === "records" && !records && !live.trouble; // there is nothing yet that could be old
    section.toggleAttribute("data-stale", old > fresh && !unread);
    say(section.querySelector(".age"), unread ? "reading" : old > fresh ? `stale, ${span(old / 1000)} old` : "");
  }
  const oldest = Math.max(ages.live, ages.instances, records || live.trouble ? ages.records : 0);
  at("link").dataset.state = oldest > fresh ? "stale" : "live";
  say(at("link"), here > fresh ? "no connection" : oldest > fresh ? "partly stale" : "live");
}

/** Offers the other instances' pages while this one is away, and goes to one if it stays away. */
function offer(milliseconds, answered) {
  if (!live) {
    say(at("link"), answered ? "too many viewers, waiting" : "no connection");
    return;
  }
  const others = siblings(live.instances.instances);
  at("away").hidden = false;
  list(at("away"), [{ answered, others, stay, hash: location.hash }], () => "offer", () => el("div", {},
    answered ? "This instance answers and shows nothing new." : "This instance does not answer; the page goes on trying.",
    others.length === 0 ? "" : el("div", {}, "Other instances:",
      el("ul", {}, ...others.map((other) => el("li", {}, el("a", { href: other.url + location.hash, rel: "noreferrer" }, `${other.id}, ${other.url}`)))),
      stay ? "" : el("button", { type: "button", onclick: () => { stay = true; offer(milliseconds, answered); } }, "Stay here")),
  ));
  if (!stay && others.length > 0 && lost(milliseconds, answered)) {
    location.assign(others[0].url + location.hash);
  }
}

at("login").addEventListener("submit", async (e) => {
  e.preventDefault();
  say(at("refused"), "");
  const answer = await fetch("login", { method: "POST", body: new URLSearchParams({ token: at("token").value }) }).catch(() => null);
  if (answer?.ok) {
    at("token").value = "";
    at("login").hidden = true;
    again();
  } else {
    say(at("refused"), answer ? "This is not the token." : "The instance does not answer.");
  }
});
