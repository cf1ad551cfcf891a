// The live pages: asks this server, again and again, how far runs are.
(() => {
  "use strict";
  const EVERY = 1000;
  let seen = "";
  const list = document.getElementById("live-list"), one = document.getElementById("live-run");

  function made(tag, text, attributes = {}) {
    const node = document.createElement(tag);
    if (text !== undefined) node.textContent = text;
    for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
    return node;
  }

  function bar(of, label) {
    const node = made("progress", undefined, { max: Math.max(of.planned, 1), value: of.finished + of.failed, "aria-label": label });
    return node;
  }

  const counts = (of) => `${of.finished} of ${of.planned} trials finished` + (of.failed ? `, ${of.failed} failed` : "") + (of.stopped ? "; stopped" : "");

  function showList(runs) {
    list.replaceChildren(...runs.map((run) => {
      const item = made("li"), link = made("a", run.name, { href: `/run/${encodeURIComponent(run.key)}` });
      item.append(link, " ", made("span", run.question, { class: "sub" }), made("br"), bar(run, run.name), ` ${run.error || counts(run)}`);
      if (run.running && run.running.length) item.append(made("span", ` · ${run.running.length} running`, { class: "sub" }));
      if (run.report) item.append(" · ", made("a", "report", { href: `/run/${encodeURIComponent(run.key)}/report/index.html` }));
      return item;
    }));
    if (!runs.length) list.replaceChildren(made("li", "No runs in this folder yet."));
  }

  function showRun(run) {
    document.getElementById("live-name").textContent = run.name;
    document.getElementById("live-question").textContent = run.question;
    document.getElementById("live-progress").replaceChildren(bar(run, "trials"), ` ${run.error || counts(run)}`);
    document.getElementById("live-running").replaceChildren(...(run.running || []).map((trial) => {
      const item = made("li", `${trial.label}: epoch ${trial.epoch} of ${trial.epochs}` + (trial.validation === null ? "" : `, validation ${trial.validation.toFixed(1)}%`));
      item.prepend(made("progress", undefined, { max: trial.epochs, value: trial.epoch, "aria-label": trial.label }), " ");
      return item;
    }));
    document.getElementById("live-report").hidden = !run.report;
    const explorer = document.getElementById("explorer");
    if (explorer && explorer.show && run.cells) explorer.show(run.cells);
    seen = run.token;
  }

  async function ask() {
    const here = list || one, started = performance.now();
    if (document.hidden) { setTimeout(ask, EVERY); return; }
    const state = document.getElementById("live-state");
    try {
      const answer = await fetch(`${here.dataset.ask}?seen=${encodeURIComponent(seen)}`, { cache: "no-store" });
      if (!answer.ok) throw new Error(answer.statusText);
      (list ? showList : showRun)(await answer.json());
      state.textContent = "";
    } catch (error) {
      state.textContent = "The server does not answer; this is what it said last.";
    }
    setTimeout(ask, Math.max(EVERY, 3 * (performance.now() - started)));  // never more than a quarter of the time
  }
  if (list || one) ask();
})();
