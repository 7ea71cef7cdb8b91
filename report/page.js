"use strict";
(() => {
  const most = 12; // rows of a table that are shown before somebody asks for all
  const words = new Intl.Collator("en", { numeric: true, sensitivity: "base" });
  const make = (name, into, text) => {
    const e = document.createElement(name);
    if (text !== undefined) e.textContent = text;
    into.append(e);
    return e;
  };

  // compare orders rows by a column. Unknown numbers come last, whatever the direction.
  const compare = (column, numeric, sign) => (a, b) => {
    const x = a.cells[column], y = b.cells[column];
    if (!numeric) return sign * words.compare(x.textContent, y.textContent);
    const u = x.dataset.v, v = y.dataset.v;
    if (u === undefined || v === undefined) return (u === undefined) - (v === undefined);
    const p = number(u), q = number(v);
    return p === q ? 0 : sign * (p < q ? -1 : 1);
  };
  const number = (text) => text === "+Inf" ? Infinity : text === "-Inf" ? -Infinity : Number(text);

  const furnish = (table) => {
    const frame = table.closest(".table"), body = table.tBodies[0], original = [...body.rows];
    let rows = original, needles = [], all = original.length <= most + 3;
    let input, output, more;

    const show = () => {
      let found = 0;
      for (const row of rows) {
        row.hidden = !needles.every((needle) => row.dataset.s.includes(needle)) || (++found > most && !all && needles.length === 0);
      }
      if (output) output.textContent = needles.length ? `${found} of ${rows.length}` : "";
      if (more) {
        more.hidden = original.length <= most + 3 || needles.length > 0;
        more.classList.toggle("cut", !all);
        more.textContent = all ? "Show fewer" : `Show all ${original.length} rows here`;
      }
    };

    [...table.tHead.rows[0].cells].forEach((head, column) => {
      const name = head.textContent, numeric = "n" in head.dataset;
      head.textContent = "";
      const button = make("button", head, name);
      button.type = "button";
      button.addEventListener("click", () => {
        const first = numeric ? "descending" : "ascending", second = numeric ? "ascending" : "descending";
        const now = head.getAttribute("aria-sort");
        const next = now === first ? second : now === second ? "" : first;
        for (const other of head.parentNode.cells) other.removeAttribute("aria-sort");
        if (next) head.setAttribute("aria-sort", next);
        rows = next ? [...original].sort(compare(column, numeric, next === "ascending" ? 1 : -1)) : original;
        body.append(...rows);
        show();
      });
    });

    for (const row of original) row.dataset.s = row.textContent.toLowerCase();
    const names = [...table.tHead.rows[0].cells].map((head) => head.textContent);
    if (names.length > 3 && body.querySelector(".w")) { // on a phone, rows with long texts are cards, whose values need names
      table.classList.add("cards");
      for (const row of original) names.forEach((name, i) => { row.cells[i].dataset.l = name; });
    }
    if (original.length > 5) {
      const label = make("label", frame.querySelector(".top"));
      label.className = "filter";
      output = make("output", label);
      input = make("input", label);
      input.type = "search";
      input.placeholder = "Filter rows";
      input.setAttribute("aria-label", "Filter rows of " + frame.querySelector("h3").textContent);
      input.addEventListener("input", () => {
        needles = input.value.toLowerCase().split(/\s+/).filter(Boolean);
        show();
      });
      more = document.createElement("button");
      more.type = "button";
      more.className = "more";
      more.addEventListener("click", () => { all = !all; show(); });
      frame.querySelector(".foot").prepend(more);
    }
    // reveal shows a row that somebody follows a link to.
    table.reveal = () => {
      all = true;
      needles = [];
      if (input) input.value = "";
      show();
    };
    show();
  };
  document.querySelectorAll("table").forEach(furnish);

  const follow = () => {
    const id = decodeURIComponent(location.hash.slice(1)), target = id && document.getElementById(id);
    const row = target && target.closest("tbody tr");
    document.querySelectorAll("tr.at").forEach((r) => r.classList.remove("at"));
    if (!row) return;
    row.closest("table").reveal();
    row.classList.add("at");
    row.scrollIntoView({ block: "center" });
  };
  addEventListener("hashchange", follow);
  follow();

  const tip = document.getElementById("tip");
  let at = null;
  const leave = () => {
    if (at) at.classList.remove("at");
    at = null;
    tip.hidden = true;
  };
  const say = (mark, x, y) => {
    if (mark !== at) {
      leave();
      at = mark;
      at.classList.add("at");
      tip.textContent = at.dataset.t;
      tip.hidden = false;
    }
    const size = tip.getBoundingClientRect();
    tip.style.left = Math.max(4, Math.min(x + 14, innerWidth - size.width - 8)) + "px";
    tip.style.top = (y - size.height - 12 > 0 ? y - size.height - 12 : y + 18) + "px";
  };
  document.querySelectorAll("figure > svg").forEach((svg) => {
    const marks = [];
    // The browser's own tooltips go when somebody points here for the first time: what is not shown has no boxes.
    const prepare = () => svg.querySelectorAll("title").forEach((title) => {
      const mark = title.parentNode;
      mark.dataset.t = title.textContent;
      title.remove();
      const box = mark.getBBox();
      marks.push({ mark, x0: box.x, x1: box.x + box.width, y0: box.y, y1: box.y + box.height });
    });
    // The nearest mark within 24 units; a bar also where somebody points above or beside it, in its place.
    const nearest = (event) => {
      prepare();
      const p = new DOMPoint(event.clientX, event.clientY).matrixTransform(svg.getScreenCTM().inverse());
      let best = null, least = 24;
      for (const m of marks) {
        const dx = Math.max(m.x0 - p.x, 0, p.x - m.x1), dy = Math.max(m.y0 - p.y, 0, p.y - m.y1);
        const d = Math.hypot(dx, dy);
        if (d < least) { best = m.mark; least = d; }
      }
      if (best) say(best, event.clientX, event.clientY); else leave();
    };
    svg.addEventListener("pointermove", nearest);
    svg.addEventListener("pointerdown", nearest);
    svg.addEventListener("pointerleave", leave);
  });
  addEventListener("scroll", leave, { passive: true });

  const links = new Map([...document.querySelectorAll("nav a")].map((a) => [a.hash.slice(1), a]));
  const sections = [...document.querySelectorAll("main > section")];
  const mark = () => {
    let now = sections[0];
    for (const s of sections) if (s.getBoundingClientRect().top < innerHeight / 3) now = s;
    if (now && innerHeight + scrollY >= document.documentElement.scrollHeight - 2) now = sections[sections.length - 1];
    for (const [id, a] of links) {
      const current = now && id === now.id;
      if (current === a.hasAttribute("aria-current")) continue;
      if (!current) {
        a.removeAttribute("aria-current");
      } else {
        a.setAttribute("aria-current", "true");
        const list = a.closest("ol");
        if (list.scrollWidth > list.clientWidth) list.scrollLeft = a.offsetLeft - list.clientWidth / 3;
      }
    }
  };
  addEventListener("scroll", mark, { passive: true });
  addEventListener("resize", mark);
  mark();
})();
