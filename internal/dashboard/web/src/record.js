// The record of one window, in a dialog. What is open stands in the address, so that a link or another instance shows it too.
import { at, el, facts, id, span, tag, words } from "./dom.js";
import { signing } from "./signers.js";

const dialog = () => at("record");

/** Makes the dialog work, and opens what the address names. */
export function records() {
  at("record-close").addEventListener("click", () => dialog().close());
  dialog().addEventListener("click", (e) => { // beside it
    if (e.target === dialog()) {
      dialog().close();
    }
  });
  dialog().addEventListener("close", () => history.replaceState(null, "", location.pathname + location.search));
  addEventListener("hashchange", fromAddress);
  fromAddress();
}

function fromAddress() {
  const named = new URLSearchParams(location.hash.slice(1));
  if (/^\d+$/.test(named.get("window") ?? "")) {
    show(named);
  }
}

/** Opens the record of a window; operator narrows it down to the wallets in which that one led or did wrong, wallet to one. */
export function open(window, operator = "", wallet = "") {
  const named = new URLSearchParams({ window });
  if (operator) {
    named.set("operator", operator);
  }
  if (wallet) {
    named.set("wallet", wallet);
  }
  history.replaceState(null, "", `#${named}`);
  show(named);
}

async function show(named) {
  at("record-title").textContent = `Window ${named.get("window")}`;
  at("record-body").replaceChildren(el("p", { class: "dim" }, "reading"));
  if (!dialog().open) {
    dialog().showModal();
  }
  const asked = `record?${named}`;
  const wanted = () => dialog().open && `record?${new URLSearchParams(location.hash.slice(1))}` === asked; // else another one was opened meanwhile
  while (wanted()) {
    const body = await fetch(asked, { cache: "no-store", signal: AbortSignal.timeout(15_000) })
      .then(async (answer) => (answer.ok ? trace(await answer.json(), named) : [el("p", {}, await answer.text())]))
      .catch(() => null);
    if (wanted()) {
      at("record-body").replaceChildren(...(body ?? [el("p", {}, "The instance does not answer; the page goes on trying.")]));
    }
    if (body !== null) {
      return;
    }
    await new Promise((resolve) => { setTimeout(resolve, 1_000); });
  }
}

function trace(t, named) {
  const parts = [el("dl", {}, ...facts([
    ["Operator", named.get("operator") && id(named.get("operator"))],
    ["Opened", t.opened && `at block ${t.opened.block}, ${t.opened.time}`],
    ["Missed", t.missed && `with windows ${t.missed.first_window} to ${t.missed.last_window}: ${words(t.missed.reason)}`],
    ["Seed", `from block ${t.seed_block}`],
  ]))];
  const asked = new Map(t.signings.map((s) => [s.wallet, s]));
  parts.push(...t.wallets.map((w) => wallet(w, asked.get(w.wallet))));
  if (t.wallets.length === 0) {
    parts.push(el("p", { class: "dim" }, "Nothing is recorded of this operator in this window: it led no wallet of ours, and did nothing wrong."));
  }
  if (t.more > 0) {
    parts.push(el("p", { class: "dim" }, `and ${t.more} more wallets`));
  }
  return parts;
}

function wallet(w, asked) {
  const ended = w.state === "open" ? tag("open", "warn") : w.reason && tag(words(w.reason), ["ok", "noop"].includes(w.reason) ? "good" : "bad");
  return el("article", {},
    el("h3", {}, "Wallet ", id(w.wallet ?? "")),
    el("dl", {}, ...facts([
      ["Reason", ended],
      ["Detail", w.detail],
      ["Our role", w.role],
      ["Leader", w.leader && id(w.leader)],
      ["Checklist", w.checklist.join(", ")],
      ["Agreed", w.action],
      ["Proposal", w.proposal && el("pre", {}, JSON.stringify(w.proposal))],
      ["Received", w.received_block && `at block ${w.received_block}`],
      ["We said", w.own && el("pre", {}, JSON.stringify(w.own.message))],
      ["Heard", w.statements.map(statement)],
      ["Faults", w.faults.map(fault)],
      ["Action", w.order && order(w.order)],
      ["Signers", asked && signing(asked)],
    ].filter(([, value]) => !Array.isArray(value) || value.length > 0))),
  );
}

const statement = (s) => el("div", {}, `block ${s.arrived_block}, `, id(s.author), " ", tag(words(s.verdict), s.verdict === "accepted" ? "good" : ""),
  el("pre", {}, JSON.stringify(s.message)));

const fault = (f) => el("div", {}, tag(words(f.kind), f.attributed ? "bad" : ""), " of ", id(f.culprit), f.attributed ? "" : ", unattributed",
  f.late ? ", late" : "", f.detail && `: ${f.detail}`, el("div", { class: "dim" }, view(f.observer)));

// What we could see when we judged.
const view = (o) => [
  `our view: opened at block ${o.opened_at}`, `${o.peers} operators connected`, o.cut_off && "cut off for a while",
  `newest block ${span(o.clock_age_ns / 1e9)} old`, o.clock_lapsed && "clock was stale for a while", o.heads_doubted && "heads without a quorum",
  !o.seed_agreed && "seed block not agreed", o.params_mismatch && "other parameters",
].filter(Boolean).join(", ");

const order = (o) => `blocks ${o.start_block} to ${o.expiry_block}, ${o.outcome ? words(o.outcome) : "pending"}${o.detail ? `: ${o.detail}` : ""}${o.revoked ? ", revoked" : ""}`;
