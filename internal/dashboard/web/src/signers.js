// The section of the signers, and what signers were asked in a window's record.
import { at, el, facts, id, list, row, say, tag, words } from "./dom.js";

const columns = ["Signer", "State", "Health", "Wallets", "Keys", "Found"];
const stateTones = { active: "good", retired: "", failed: "bad", removed: "bad" };
const healthTones = { healthy: "good", suspect: "bad", foreign: "bad", unknown: "warn" };

/** Shows the signers; a node without any has no such section. */
export function signers(live) {
  const all = live.signers;
  at("signers").hidden = !all;
  if (!all) {
    return;
  }
  say(at("signers-hint"), all.signers.length === 0 ? "none is configured" : "");
  const rows = all.signers.map((s) => ({
    id: s.id, where: s.where, state: s.state, by: s.by, since: s.since, safe: s.safe_to_shut_down, health: s.health, detail: s.detail,
    seen: s.health === "healthy" ? null : s.seen_at, wallets: s.wallets, unsignable: s.unsignable, lost: s.lost, pending: s.pending,
    keys: s.keys, capacity: s.capacity, findings: s.findings, found: s.findings_total,
  }));
  list(at("signers").querySelector("tbody"), rows, (s) => s.id, (s) => row(columns,
    [s.id, el("div", { class: "dim" }, s.where)],
    [tag(words(s.state), stateTones[s.state] ?? ""), s.by ? el("div", { class: "dim" }, `said by ${s.by}, ${s.since}`) : "",
      s.safe ? el("div", {}, tag("safe to shut down", "good")) : ""],
    [tag(words(s.health), healthTones[s.health] ?? ""), s.seen ? el("div", { class: "dim" }, `last seen ${s.seen}`) : "",
      s.detail ? el("div", { class: "dim" }, s.detail) : ""],
    [`${s.wallets}`, s.pending > 0 ? `, ${s.pending} being generated` : "", s.lost > 0 ? `, ${s.lost} lost` : "",
      s.unsignable > 0 ? el("div", {}, tag(`${s.unsignable} unsignable`, "bad")) : ""],
    s.health === "unknown" ? "not known" : s.capacity === null ? `${s.keys}` : `${s.keys} of ${s.capacity}`,
    s.found === 0 ? (s.health === "unknown" ? "not known" : "nothing") : [...s.findings.map((f) => el("div", {}, tag(words(f.kind), f.kind === "orphan" ? "warn" : "bad"), " ", id(f.wallet), f.detail && `: ${f.detail}`)),
      s.found > s.findings.length ? el("div", { class: "dim" }, `and ${s.found - s.findings.length} more`) : ""],
  ));
  const rest = all.unsignable_total - all.unsignable.length;
  const items = rest > 0 ? [...all.unsignable, { rest }] : all.unsignable;
  at("unsignable").hidden = items.length === 0;
  list(at("unsignable").querySelector("ul"), items, (u) => u.wallet ?? "rest", (u) => (u.rest
    ? el("li", { class: "dim" }, `and ${u.rest} more`)
    : el("li", {}, id(u.wallet), `, of ${u.signer}: ${u.reason}`)));
}

const each = (ids) => ids.flatMap((x, i) => [i ? ", " : "", id(x)]);

/** Describes what a wallet's signers were asked in a window. */
export function signing(s) {
  const t = s.transaction;
  return el("dl", {}, ...facts([
    ["Transaction", t && [el("code", {}, t.txid), " ", tag(t.signed ? "signed" : "not signed", t.signed ? "good" : "warn"), ` fee ${t.fee} sat`]],
    ["Signature", s.signature && el("code", {}, s.signature)],
    ["Asked", `from block ${s.begun_block}, ${s.finished_block ? `signed${s.others_signed ? " by the other operators" : ""} at block ${s.finished_block}` : "not signed"}, ${s.attempts_begun} attempts begun`],
    ["Attempts", s.attempts.map(attempt)],
    ["Blamed", s.blames.map(blame)],
    ["Inactive", s.inactivity && [`seats ${s.inactivity.seats.join(", ")} of `, ...each(s.inactivity.operators), ": absent from several poor heartbeats in a row"]],
    ["Replaces", s.replaces.map((digest) => el("div", {}, el("code", {}, digest)))],
  ].filter(([, value]) => !Array.isArray(value) || value.length > 0)));
}

function attempt(a) {
  const took = a.ended_block - a.begun_block;
  return el("div", { class: "attempt" },
    `${a.attempt}: ${took} blocks, ${a.begun_block} to ${a.ended_block} `, tag(words(a.result), a.result === "signed" ? "good" : "bad"), a.detail && ` ${a.detail}`,
    el("div", {}, "named by ", id(a.coordinator), a.signers.length > 0 ? `: seats ${a.signers.join(", ")}` : ": nobody", `; ${a.active} seats there${a.whole ? "" : ", not followed from its beginning"}`),
    a.absent.length > 0 ? el("div", {}, tag("absent", "warn"), " ", ...each(a.absent)) : "",
    a.silent.length > 0 ? el("div", {}, tag("silent", "warn"), " ", ...each(a.silent)) : "");
}

const blame = (b) => el("div", {}, id(b.operator), b.seat === null ? "" : `, seat ${b.seat}`, `, in attempt ${b.attempt}: `, tag(words(b.misdeed), "bad"),
  b.detail && ` ${b.detail}`, b.proof > 0 ? `; ${b.proof} signed messages prove it` : "");
