// The sections of the page but the heatmap.
import { at, el, facts, id, list, row, say, shorten, span, tag, words } from "./dom.js";
import { page } from "./stream.js";
import { open } from "./record.js";

// A table of a thousand wallets is of no use to anybody's eyes.
const shownWallets = 100;
const shownPeers = 100;

const phases = { active: [80, "active"], passive: [20, "passive"], idle: [800, "idle"] };

export function header(live) {
  const self = live.self ? `, instance ${live.self}` : "";
  say(at("who"), `operator ${shorten(live.operator)}${self}, ${live.state}`);
  at("who").title = live.operator;
  document.title = `walletnode${live.self ? ` ${live.self}` : ""}`;
}

export function now(live, records) {
  const w = live.window;
  say(at("now-window"), w ? String(w.window) : "");
  const [length, name] = phases[w?.phase] ?? [1, ""];
  const left = w ? `${w.blocks_left} blocks left` : "";
  const text = w ? name : "no window yet";
  if (at("phase").dataset.said !== `${text} ${left} ${live.phase_seconds}`) {
    at("phase").dataset.said = `${text} ${left} ${live.phase_seconds}`;
    at("phase").replaceChildren(text, " ", el("small", {}, w ? `${left}, about ${span(live.phase_seconds)}` : ""));
  }
  at("phase-bar").value = w ? 1 - w.blocks_left / length : 0;

  const leaders = tally(records.wallets.map((x) => x.leader));
  const pairs = [
    ["Block", live.head ? [`${live.head.block}, received ${span(live.head.age_seconds)} ago `, live.head.stale ? tag("stale", "bad") : ""] : "none yet"],
    ["Led by", leads(leaders, live.operator, "not known")],
    ["Next window", live.next_window ? `${live.next_window}, in ${live.next_in_blocks} blocks` : ""],
    ["Led next by", leads(tally(records.wallets.map((x) => x.next_leader)), live.operator,
      live.seed_in_blocks > 0 ? `known in ${live.seed_in_blocks} blocks` : "not known")],
  ];
  at("now-facts").replaceChildren(...facts(pairs));
}

/** Counts equal operators, the most frequent first. */
function tally(operators) {
  const counts = new Map();
  for (const op of operators.filter(Boolean)) {
    counts.set(op, (counts.get(op) ?? 0) + 1);
  }
  return [...counts].toSorted((a, b) => b[1] - a[1]);
}

function leads(counts, self, otherwise) {
  if (counts.length === 0) {
    return otherwise;
  }
  const most = counts.slice(0, 6).flatMap(([op, n], i) => [i ? ", " : "", id(op, op === self), n > 1 ? ` (${n})` : ""]);
  return counts.length > 6 ? [...most, ` and ${counts.length - 6} more`] : most;
}

const tones = { serving: "good", idle: "", standby: "", ill: "bad", draining: "warn", dead: "bad" };
const instanceColumns = ["Instance", "State", "Wallets", "Lease", "Version", "Page"];

export function instances(live, age) {
  const all = live.instances;
  const hint = all.shared ? (all.unowned > 0 ? `${all.unowned} wallets are served by nobody at this moment` : "") : "One instance, on a database of its own.";
  say(at("instances-hint"), hint);
  const rows = all.instances.map((i) => ({ ...i, wallets: i.wallets.length, age_s: undefined, lease: Math.max(0, Math.ceil((i.lease_ms - age) / 1000)), lease_ms: undefined, shared: all.shared }));
  list(at("instances").querySelector("tbody"), rows, (i) => i.id, (i) => row(instanceColumns,
    [el("span", { class: i.self ? "own" : "" }, i.id || "this one"), i.self ? " (this page)" : ""],
    [tag(i.state, tones[i.state] ?? ""), i.wish ? ` asked to ${i.wish}` : "", i.detail ? el("div", { class: "dim" }, i.detail) : ""],
    String(i.wallets),
    i.shared ? (i.lease > 0 ? `${i.lease} s left` : "over") : "none needed",
    i.version,
    i.self ? "" : i.urls.map(page).filter(Boolean).map((url) => el("div", {}, el("a", { href: url, rel: "noreferrer" }, new URL(url).host))),
  ));
}

const walletColumns = ["Wallet", "Served by", "Leads now", "This window", "Leads next", "Seats"];

export function wallets(live, records) {
  const servedBy = new Map(live.instances.instances.flatMap((i) => i.wallets.map((w) => [w, i.id || "this instance"])));
  const window = live.window?.window;
  say(at("wallets-hint"), records.wallets.length > shownWallets ? `the first ${shownWallets} of ${records.wallets.length}` : `${records.wallets.length} of which we hold seats`);
  const rows = records.wallets.slice(0, shownWallets).map((w) => ({ ...w, by: servedBy.get(w.wallet) ?? "", self: live.operator, window }));
  list(at("wallets").querySelector("tbody"), rows, (w) => w.wallet, (w) => row(walletColumns,
    [id(w.wallet), w.halted ? el("div", {}, tag("halted", "bad"), ` ${w.halted}`) : ""],
    w.by || tag("nobody", "warn"),
    w.leader ? id(w.leader, w.leader === w.self) : "not known",
    ended(w),
    w.next_leader ? id(w.next_leader, w.next_leader === w.self) : "not known",
    `${w.seats}, of ${w.operators} operators; ${w.own_seats} ours`,
  ));
}

function ended(w) {
  if (!w.state) {
    return "";
  }
  const said = w.state === "open" ? "open" : `${words(w.reason ?? "")}${w.action ? `, ${w.action}` : ""}${w.outcome ? `, ${words(w.outcome)}` : ""}`;
  return el("button", { type: "button", class: "link", onclick: () => open(w.window, "", w.wallet) }, said);
}

export function faults(live, records) {
  const items = records.faults.length > 0 ? records.faults : [{ id: "none" }];
  list(at("faults").querySelector("ol"), items, (f) => f.id, (f) => (f.id === "none" ? el("li", { class: "dim" }, "none on record") : el("li", {},
    tag(words(f.kind), f.attributed ? "bad" : ""), " of ", id(f.culprit, f.culprit === live.operator), f.attributed ? "" : ", unattributed", f.late ? ", late" : "",
    el("div", { class: "dim" }, el("button", { type: "button", class: "link", onclick: () => open(f.window, f.culprit, f.wallet) }, `window ${f.window}`),
      ", wallet ", id(f.wallet), `, ${f.recorded_at}`),
    f.detail ? el("div", {}, f.detail) : "",
  )));
}

const peerColumns = ["Operator", "Peer", "State"];
const peerTones = { admitted: "good", waiting: "warn", refused: "bad", disconnected: "" };

export function peers(live) {
  const shown = live.peers.slice(0, shownPeers).map((p) => ({ id: p.id, operator: p.operator, own: p.operator === live.operator, state: p.state, error: p.state === "admitted" ? null : p.last_error, match: p.params_match }));
  list(at("peers").querySelector("tbody"), shown, (p) => p.id, (p) => row(peerColumns,
    p.operator ? id(p.operator, p.own) : "not proved", id(p.id),
    [tag(words(p.state), peerTones[p.state] ?? ""), p.match === false ? tag("other parameters", "warn") : "", p.error ? el("div", { class: "dim" }, p.error) : ""],
  ));
}

const endpointColumns = ["Endpoint", "Status", "Block", "Answers"];
const endpointTones = { healthy: "good", unhealthy: "bad", unresponsive: "bad" };
const modeTones = { quorum: "good", degraded_single: "warn", no_quorum: "bad" };

export function endpoints(live) {
  const e = live.endpoints;
  at("endpoints-hint").replaceChildren(...(e ? [tag(words(e.mode), modeTones[e.mode] ?? ""), ` ${e.votes} of ${e.groups} vote groups agree, ${e.needed} needed`] : ["one endpoint, which nothing is compared with"]));
  at("endpoints").querySelector("table").hidden = !e;
  list(at("endpoints").querySelector("tbody"), e?.endpoints ?? [], (x) => x.name, (x) => row(endpointColumns,
    [el("span", { class: x.serving ? "own" : "" }, x.name), x.serving ? " (serving)" : "", el("div", { class: "dim" }, x.address)],
    [tag(words(x.status), endpointTones[x.status] ?? ""), x.cordoned ? tag("cordoned", "warn") : "", x.status === "healthy" ? "" : el("div", { class: "dim" }, words(x.reason), x.detail ? `: ${x.detail}` : "")],
    x.height === null ? "none yet" : `${x.height}${x.lag > 0 ? `, ${x.lag} behind` : ""}`,
    x.p50_seconds === null ? "" : `${Math.round(x.p50_seconds * 1000)} ms`,
  ));
}
