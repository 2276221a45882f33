"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const byID = new Map(data.rows.map((row) => [row.id, row]));
  const $ = (selector, within = document) => within.querySelector(selector);
  const $$ = (selector, within = document) => [...within.querySelectorAll(selector)];

  // make returns an element. Text only ever becomes text.
  function make(tag, attributes, ...children) {
    const e = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes || {})) {
      if (typeof value === "function") e.addEventListener(name, value);
      else if (value !== undefined && value !== false) e.setAttribute(name, value);
    }
    e.append(...children.flat().filter((c) => c !== undefined && c !== null && c !== ""));
    return e;
  }

  // State is in the address, so that a view can be sent.
  const state = new URLSearchParams();
  let writing = 0;
  function remember(key, value) {
    if (value) state.set(key, value);
    else state.delete(key);
    clearTimeout(writing);
    writing = setTimeout(write, 120);
  }
  function write() {
    const text = state.toString();
    history.replaceState(null, "", text ? "#" + text : "#");
  }

  class Grid {
    constructor(section) {
      this.section = section;
      this.prefix = section.id === "apps" ? "apps-" : "";
      this.table = $(".matrix", section);
      this.kernels = $$("thead th[data-column]", section).map((th) => Number(th.dataset.column));
      this.hiddenColumns = new Set();
      this.show = "all";
      this.words = [];
      this.families = $$("tbody", this.table).map((body) => ({ name: body.dataset.family, head: body.rows[0], button: $("button", body), folded: false, rows: [] }));
      this.rows = [];
      for (const family of this.families) {
        for (let tr = family.head.nextElementSibling; tr; tr = tr.nextElementSibling) {
          const row = { tr, family, id: tr.dataset.id, hidden: false, cells: [...tr.cells].slice(1), text: "" };
          row.classes = row.cells.map((td) => td.classList);
          family.rows.push(row);
          this.rows.push(row);
        }
        family.button.addEventListener("click", () => { this.fold(family, !family.folded); this.apply(); });
      }
      this.listen();
    }

    // textOf is what the filter searches.
    textOf(row) {
      const known = byID.get(row.id);
      const parts = [row.id];
      if (!known) return row.id;
      parts.push(known.about || "", ...(known.symbols || []).map((i) => data.symbols[i].name));
      for (const [answer] of Object.values(known.cells)) {
        const a = data.answers[answer];
        parts.push(data.texts[a.e || 0], data.texts[a.c || 0].slice(0, 200), data.texts[a.x || 0].slice(0, 200));
      }
      row.cells.forEach((td) => parts.push(td.textContent));
      return [...new Set(parts)].join("\n");
    }

    listen() {
      const s = this.section;
      this.input = $("[data-find]", s);
      this.output = $("[data-count]", s);
      $$("[data-show]", s).forEach((b) => b.addEventListener("click", () => { this.show = b.dataset.show; this.apply(); }));
      this.input.addEventListener("input", () => this.apply());
      $$("input[data-column]", s).forEach((box) => box.addEventListener("change", () => { this.column(Number(box.dataset.column), box.checked); this.apply(); }));
      $("[data-fold]", s).addEventListener("click", () => {
        const open = this.families.some((f) => !f.folded);
        this.families.forEach((f) => this.fold(f, open));
        this.apply();
      });
      this.table.addEventListener("click", (e) => { const td = e.target.closest("td"); if (td && e.target.closest("button")) this.open(td); });
      this.table.addEventListener("mouseover", (e) => this.light(e.target.closest("td")));
      this.table.addEventListener("mouseleave", () => this.light(null));
      this.table.addEventListener("keydown", (e) => this.move(e));
      $$("td button", this.table).forEach((b, i) => { b.tabIndex = i ? -1 : 0; });
    }

    open(td) {
      if (this.stop) this.stop.tabIndex = -1;
      this.stop = $("button", td);
      this.stop.tabIndex = 0;
      details.open(this, td.parentElement.dataset.id, this.kernels[td.cellIndex - 1]);
    }

    // light marks the column under the pointer; the style sheet marks the row.
    light(td) {
      const i = td ? td.cellIndex : 0;
      if (i === this.lit) return;
      for (const [index, on] of [[this.lit, false], [i, true]]) {
        if (!index) continue;
        this.table.tHead.rows[0].cells[index].classList.toggle("lit", on);
        this.rows.forEach((row) => row.classes[index - 1].toggle("lit", on));
      }
      this.lit = i;
    }

    // move goes to another cell with the arrow keys.
    move(e) {
      const td = e.target.closest("td");
      const step = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[e.key];
      if (!td || !step) return;
      const shown = this.rows.filter((row) => !row.tr.hidden);
      let r = shown.findIndex((row) => row.tr === td.parentElement);
      let c = td.cellIndex - 1;
      e.preventDefault();
      for (;;) {
        r += step[0];
        c += step[1];
        const next = shown[r] && shown[r].cells[c];
        if (!next) return;
        const button = $("button", next);
        if (next.hidden || !button) continue;
        e.target.tabIndex = -1;
        button.tabIndex = 0;
        button.focus();
        return;
      }
    }

    fold(family, folded) {
      family.folded = folded;
      family.button.setAttribute("aria-expanded", String(!folded));
    }

    column(kernel, on) {
      const i = this.kernels.indexOf(kernel);
      if (i < 0) return;
      if (on) this.hiddenColumns.delete(kernel);
      else this.hiddenColumns.add(kernel);
      $(`input[data-column="${kernel}"]`, this.section).checked = on;
      this.table.tHead.rows[0].cells[i + 1].hidden = !on;
      this.rows.forEach((row) => { row.cells[i].hidden = !on; });
    }

    // fits reports whether a row is one of those to show.
    fits(row) {
      if (this.words.length && !row.text) row.text = this.textOf(row).toLowerCase();
      if (!this.words.every((w) => row.text.includes(w))) return false;
      if (this.show === "all") return true;
      const visible = row.cells.filter((td) => !td.hidden);
      switch (this.show) {
        case "differs": return new Set(visible.map((td) => td.textContent).filter((t) => t !== "-")).size > 1;
        case "unexpected": return visible.some((td) => td.classList.contains("odd"));
        case "absent": return visible.some((td) => td.classList.contains("bad"));
        default: return visible.some((td) => td.classList.contains("doubt"));
      }
    }

    // apply shows and hides rows; nothing is built again.
    apply() {
      this.words = this.input.value.toLowerCase().split(/\s+/).filter(Boolean);
      let shown = 0;
      for (const family of this.families) {
        let left = 0;
        for (const row of family.rows) {
          const fits = this.fits(row);
          left += fits;
          const hidden = !fits || family.folded;
          if (hidden !== row.hidden) row.tr.hidden = row.hidden = hidden;
          shown += !hidden;
        }
        if (family.head.hidden !== !left) family.head.hidden = !left;
      }
      this.output.textContent = `${shown} of ${this.rows.length} shown`;
      $$("[data-show]", this.section).forEach((b) => b.setAttribute("aria-pressed", String(b.dataset.show === this.show)));
      $("[data-fold]", this.section).textContent = this.families.every((f) => f.folded) ? "unfold all" : "fold all";
      remember(this.prefix + "show", this.show === "all" ? "" : this.show);
      remember(this.prefix + "q", this.input.value);
      remember(this.prefix + "hide", [...this.hiddenColumns].map((i) => encodeURIComponent(data.kernels[i].name)).join(","));
      remember(this.prefix + "fold", this.families.filter((f) => f.folded).map((f) => encodeURIComponent(f.name)).join(","));
    }

    // restore takes what the address says.
    restore(from) {
      const list = (key) => (from.get(this.prefix + key) || "").split(",").filter(Boolean).map((name) => { try { return decodeURIComponent(name); } catch { return name; } });
      const show = from.get(this.prefix + "show") || "all";
      this.show = $$("[data-show]", this.section).some((b) => b.dataset.show === show) ? show : "all";
      this.input.value = from.get(this.prefix + "q") || "";
      const hide = list("hide");
      this.kernels.forEach((i) => { if (hide.includes(data.kernels[i].name) !== this.hiddenColumns.has(i)) this.column(i, !hide.includes(data.kernels[i].name)); });
      const folded = list("fold");
      this.families.forEach((f) => this.fold(f, folded.includes(f.name)));
      this.apply();
    }
  }

  // The dialog with the evidence of a cell.
  const details = {
    dialog: $("#details"),
    body: $("#details-body"),

    init() {
      $("#close").addEventListener("click", () => this.dialog.close());
      $("#previous").addEventListener("click", () => this.step(-1));
      $("#next").addEventListener("click", () => this.step(1));
      this.dialog.addEventListener("close", () => remember("cell", ""));
      this.dialog.addEventListener("click", (e) => { if (e.target === this.dialog) this.dialog.close(); });
    },

    // step goes to the next row that is shown.
    step(by) {
      const rows = this.grid.rows.filter((row) => !row.tr.hidden);
      const next = rows[rows.findIndex((row) => row.id === this.id) + by];
      if (next) this.open(this.grid, next.id, this.kernel);
    },

    open(grid, id, kernel) {
      const row = byID.get(id);
      const k = data.kernels[kernel];
      if (!row || !k) return;
      Object.assign(this, { grid, id, kernel });
      $("#details-title").textContent = `${id} on ${k.name}`;
      this.body.replaceChildren(make("dl", null, this.facts(row, k, kernel)));
      remember("cell", `${k.name} ${id}`);
      if (!this.dialog.open) this.dialog.showModal();
      cancelAnimationFrame(this.frame);
      this.frame = requestAnimationFrame(() => {
        this.dialog.scrollTop = 0;
        const log = $(".log", this.body);
        if (log) log.scrollTop = log.scrollHeight;
      });
    },

    facts(row, k, kernel) {
      const all = [];
      const add = (name, ...value) => { if (value.flat().some(Boolean)) all.push(make("dt", null, name), make("dd", null, ...value)); };
      const text = (i) => data.texts[i || 0];
      const cell = row.cells[kernel];
      const a = cell && data.answers[cell[0]];
      add("question", row.about);
      if (a) {
        const errno = text(a.e);
        add("answer", make("b", null, text(a.v)), errno && ` ${errno}`, errno && data.errnos[errno] && `: ${data.errnos[errno]}`);
        add("decided by", text(a.c) && make("span", { class: "code" }, text(a.c)));
        add("value", text(a.x) && make("span", { class: "code" }, text(a.x)));
        add("detail", text(a.d));
        add("numbers", text(a.n));
        add("took", `${(cell[1] / 1000).toLocaleString("en", { maximumFractionDigits: 3 })} ms in the guest`);
        add("loaded", text(a.m));
      } else {
        add("answer", "none: no answer was received");
      }
      add("expectation", this.expectation(row, k, kernel));
      add("symbols", this.symbols(row, kernel, a));
      add("record", k.boots[cell ? cell[2] : 0], k.boots.length > 1 ? ` (one of ${k.boots.length} boots)` : "");
      const [family] = row.id.split("/");
      const command = (family === "app" ? k.repeat.app : k.repeat.probe).replace("PROBE", () => row.word);
      add("repeat", command ? copied(command) : "the kernel is from files of the user's, which records do not name; boot it again with:");
      add("boot", k.repeat.boot && make("details", null, make("summary", null, "QEMU's command line"), copied(k.repeat.boot)));
      add("console", k.log && [make("small", null, `the end of ${k.logName}`), make("pre", { class: "log", tabindex: "0" }, k.log)]);
      return all;
    },

    expectation(row, k, kernel) {
      const want = row.wants && row.wants[kernel];
      if (!k.expected) return "none is kept for this kernel";
      const where = k.nearest ? `${k.expected}, the nearest expectations` : `the expectations of ${k.expected}`;
      if (want === undefined) return `as in ${where}`;
      return [make("b", { class: "lost" }, "unexpected"), `: ${where} have `, make("span", { class: "code" }, want || "no answer")];
    },

    // symbols lists the symbols with their values and why they have them.
    symbols(row, kernel, a) {
      const items = ((a && a.s) || []).map((i) => make("li", null, data.texts[i]));
      for (const i of items.length ? [] : row.symbols || []) {
        const s = data.symbols[i];
        const why = data.texts[s.why[kernel]];
        const value = s.values[kernel];
        items.push(make("li", null, make("span", { class: "code" }, value ? `${s.name}=${value}` : s.name), why ? `: ${why}` : value ? "" : ": its value is not known here"));
      }
      return items.length ? make("ul", null, items) : "";
    },
  };

  // copied is a command with a button that copies it.
  function copied(command) {
    const pre = make("pre", { tabindex: "0" }, command);
    const button = make("button", { type: "button", class: "copy", click: () => copy(command, pre, button) }, "copy");
    return make("div", { class: "command" }, pre, button);
  }
  async function copy(text, pre, button) {
    try {
      await navigator.clipboard.writeText(text);
      button.textContent = "copied";
    } catch {
      getSelection().selectAllChildren(pre);
      button.textContent = document.execCommand("copy") ? "copied" : "selected";
    }
  }

  // Two kernels side by side.
  const bytes = (n) => (Math.abs(n) < 1024 ? `${n} B` : Math.abs(n) < 1 << 20 ? `${(n / 1024).toFixed(0)} KiB` : `${(n / (1 << 20)).toFixed(2)} MiB`);
  const signed = (n, text) => (n > 0 ? "+" + text : text);
  function list(head, rows) {
    const number = (i) => (i && head[i].startsWith("#") ? "num" : undefined);
    return make("div", { class: "scroll", tabindex: "0" }, make("table", { class: "list" },
      make("thead", null, make("tr", null, head.map((h, i) => make("th", { scope: "col", class: number(i) }, h.replace("#", ""))))),
      make("tbody", null, rows.map((row) => make("tr", { class: row.dim ? "dim" : undefined }, row.cells.map((c, i) => make(i ? "td" : "th", { class: number(i), scope: i ? undefined : "row" }, c)))))));
  }

  const two = {
    a: $("#side-a"),
    b: $("#side-b"),
    out: $("#two-out"),

    init() {
      for (const side of [this.a, this.b]) side.addEventListener("change", () => this.show());
      $("#swap").addEventListener("click", () => { [this.a.value, this.b.value] = [this.b.value, this.a.value]; this.show(); });
    },

    restore(from) {
      const index = (name, otherwise) => { const i = data.kernels.findIndex((k) => k.name === name); return i < 0 ? otherwise : i; };
      this.a.value = index(from.get("a"), 0);
      this.b.value = index(from.get("b"), data.kernels.length - 1);
      this.show();
    },

    show() {
      const [i, j] = [Number(this.a.value), Number(this.b.value)];
      const [a, b] = [data.kernels[i], data.kernels[j]];
      remember("a", i === 0 ? "" : a.name);
      remember("b", j === data.kernels.length - 1 ? "" : b.name);
      this.out.replaceChildren(...[this.answers(i, j, a, b), this.config(i, j, a, b), this.sizes(a, b), this.phases(i, j)].flat());
    },

    answers(i, j, a, b) {
      const rows = [];
      let both = 0;
      const word = (cell) => { const x = data.answers[cell[0]]; return data.texts[x.v] === "absent" && x.e ? data.texts[x.e] : data.texts[x.v]; };
      const link = (row, kernel) => make("button", { type: "button", class: "copy", click: () => details.open(gridOf(row.id), row.id, kernel) }, word(row.cells[kernel]) + value(row.cells[kernel]));
      const value = (cell) => { const x = data.texts[data.answers[cell[0]].x || 0]; return x ? ` ${x.slice(0, 40)}` : ""; };
      for (const row of data.rows) {
        if (!row.cells[i] || !row.cells[j]) continue;
        both++;
        const same = word(row.cells[i]) === word(row.cells[j]) && value(row.cells[i]) === value(row.cells[j]);
        if (!same) rows.push({ cells: [row.id, link(row, i), link(row, j)] });
      }
      const title = make("h3", null, `Answers: ${rows.length} of ${both} differ`);
      if (!rows.length) return [title];
      return [title, make("details", { open: rows.length <= 12 }, make("summary", null, "list"), list(["probe", a.name, b.name], rows))];
    },

    config(i, j, a, b) {
      if (!a.hasConfig || !b.hasConfig) return [make("h3", null, "Config"), make("p", { class: "quiet" }, "The .config of one of the two is not known: the kernel is not in the cache.")];
      const kinds = new Map();
      let n = 0;
      for (const group of data.config) {
        const [x, y] = [group.values[i], group.values[j]];
        if (x === y) continue;
        const names = group.symbols.split(" ");
        n += names.length;
        const plain = /^[ymn]$/;
        const kind = plain.test(x) && plain.test(y) ? `${x} on ${a.name}, ${y} on ${b.name}` : "numbers and texts";
        if (!kinds.has(kind)) kinds.set(kind, []);
        kinds.get(kind).push(...(kind === "numbers and texts" ? names.map((name) => `${name}: ${x}, ${y}`) : names));
      }
      return [make("h3", null, `Config: ${n} symbols differ`),
        ...[...kinds].sort((x, y) => y[1].length - x[1].length).map(([kind, names]) => make("details", null, make("summary", null, `${names.length}: ${kind}`), make("ul", { class: "symbols code" }, names.sort().map((name) => make("li", null, name)))))];
    },

    sizes(a, b) {
      const sum = (k) => k.sections.reduce((x, y) => x + y, 0);
      const row = (name, x, y) => ({ cells: [name, bytes(x), bytes(y), make("span", { class: y < x ? "gained" : y > x ? "lost" : "" }, y === x ? "0" : signed(y - x, bytes(y - x)))], by: Math.abs(y - x) });
      const rows = [row("vmlinux: text, data, bss", sum(a), sum(b))];
      if (a.dirs && b.dirs) {
        const names = [...new Set([...Object.keys(a.dirs), ...Object.keys(b.dirs)])];
        rows.push(...names.map((n) => row(n + "/", a.dirs[n] || 0, b.dirs[n] || 0)).sort((x, y) => y.by - x.by).slice(0, 14));
      }
      return [make("h3", null, `Sizes: images of ${a.image} and ${b.image}`), list(["part", `#${a.name}`, `#${b.name}`, "#difference"], rows),
        a.dirs && b.dirs ? "" : make("p", { class: "quiet" }, "Sizes by directory are not known: one of the two kernels is not in the cache with them.")].filter(Boolean);
    },

    phases(i, j) {
      const title = make("h3", null, "Times of the boots");
      const pair = data.pairs.find((p) => (p.a === i && p.b === j) || (p.a === j && p.b === i));
      if (!pair) return [title, make("p", { class: "quiet" }, "No run has several boots of both under the same conditions; netstrip compare --boots 10 makes them.")];
      const turned = pair.a !== i;
      const unit = (m) => (m.unit === "s" ? (v) => v.toFixed(2) + " s" : (v) => Math.round(v).toLocaleString("en") + " " + m.unit);
      const side = (m, s) => (s.n ? unit(m)(s.median) + (s.low != null ? ` (${unit(m)(s.low)} to ${unit(m)(s.high)})` : "") : "-");
      const rows = pair.measures.map((m) => {
        const [x, y] = turned ? [m.b, m.a] : [m.a, m.b];
        const change = x.n && y.n && x.median ? 100 * (y.median - x.median) / x.median : 0;
        return { dim: !m.significant, cells: [m.name.replace("mem_available_kb", "memory_available").replaceAll("_", " "), side(m, x), side(m, y), m.significant ? signed(change, change.toFixed(1) + " %") : "no significant difference", m.p < 0.001 ? "<0.001" : m.p.toFixed(3), `${x.n}, ${y.n}`] };
      });
      return [title, list(["until", `#${data.kernels[i].name}`, `#${data.kernels[j].name}`, "#difference", "#p", "#boots"], rows),
        make("p", { class: "quiet" }, "Medians with 95 % confidence intervals. Grey: chance alone explains the difference in more than one case in twenty.")];
    },
  };

  const grids = $$("section.grid").map((section) => new Grid(section));
  const gridOf = (id) => grids.find((g) => g.rows.some((row) => row.id === id)) || grids[0];

  // Links to cells open them, and links to parts of the page keep the state in the address.
  document.addEventListener("click", (e) => {
    const link = e.target.closest("a[href^='#']");
    if (!link) return;
    e.preventDefault();
    if (link.dataset.probe) {
      const kernel = link.dataset.kernel !== undefined ? Number(link.dataset.kernel) : data.kernels.findIndex((k) => k.name === link.dataset.name);
      details.open(gridOf(link.dataset.probe), link.dataset.probe, kernel);
      return;
    }
    const target = document.getElementById(link.getAttribute("href").slice(1));
    if (target) {
      target.scrollIntoView();
      target.tabIndex = -1;
      target.focus({ preventScroll: true });
    }
  });

  // A symbol in the graph shows the probes that need it.
  $$("svg .node").forEach((node) => {
    const show = () => { grids[0].input.value = node.dataset.symbol; grids[0].apply(); grids[0].section.scrollIntoView(); };
    node.setAttribute("tabindex", "0");
    node.setAttribute("role", "button");
    node.setAttribute("aria-label", `probes that need ${node.dataset.symbol}`);
    node.addEventListener("click", show);
    node.addEventListener("keydown", (e) => { if (e.key === "Enter" || e.key === " ") { e.preventDefault(); show(); } });
  });

  function restore() {
    const from = new URLSearchParams(location.hash.includes("=") ? location.hash.slice(1) : "");
    grids.forEach((g) => g.restore(from));
    two.restore(from);
    const [, name, id] = (from.get("cell") || "").match(/^(\S+) (.*)$/) || [];
    const kernel = data.kernels.findIndex((k) => k.name === name);
    if (id && byID.has(id) && kernel >= 0) details.open(gridOf(id), id, kernel);
  }
  $$(".needs-script").forEach((e) => { e.hidden = false; });
  details.init();
  two.init();
  restore();
  addEventListener("hashchange", () => { if (!location.hash || location.hash.includes("=")) restore(); });
})();
