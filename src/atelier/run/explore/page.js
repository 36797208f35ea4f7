"use strict";
(() => {
  const $ = (selector, root = document) => [...root.querySelectorAll(selector)];
  const body = document.querySelector("tbody"), rows = $("tr", body), heads = $("thead th").slice(1, -1);
  const nav = document.querySelector("nav"), select = nav.querySelector("select"), turn = nav.querySelector("[data-turn]");
  const status = document.querySelector("[role=status]"), names = heads.map(head => head.textContent);
  let by = -1, down = false, grid = false;

  const kept = () => {  // so that a page that is loaded again, or a link to it, shows the same
    const told = new URLSearchParams();
    if (by >= 0) told.set(down ? "down" : "up", names[by]);
    if (grid) told.set("view", "grid");
    try {
      history.replaceState(null, "", `${location.pathname}${location.search}${String(told) && "#"}${told}`);
    } catch { /* where a page may not say where it is */ }
  };

  const value = (row, i) => {
    if (i < 0) return +row.dataset.place;
    const text = row.cells[i + 1].dataset.value;
    return text === "" ? null : isNaN(+text) ? text : +text;
  };
  const compare = (a, b) => typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b));
  const sort = (i, backwards) => {
    by = i; down = backwards;
    const keyed = rows.map(row => [value(row, i), row]);
    keyed.sort(([a, r], [b, s]) =>
      (a === null) - (b === null) || (a === null ? 0 : (down ? -1 : 1) * compare(a, b)) || r.dataset.place - s.dataset.place);
    body.append(...keyed.map(([, row]) => row));
    heads.forEach((head, k) => head.setAttribute("aria-sort", k !== i ? "none" : down ? "descending" : "ascending"));
    select.value = i;
    turn.textContent = down ? "↓" : "↑";
    status.textContent = `Sorted by ${names[i] ?? "the order given"}, ${down ? "descending" : "ascending"}`;
  };
  const sorted = (i, backwards) => { sort(i, backwards); kept(); };
  const option = (value, text) => Object.assign(document.createElement("option"), { value, textContent: text });
  select.append(option(-1, "the order given"), ...names.map((name, i) => option(i, name)));
  select.addEventListener("change", () => sorted(+select.value, false));
  turn.addEventListener("click", () => sorted(by, !down));
  heads.forEach((head, i) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = names[i];
    button.addEventListener("click", () => sorted(i, by === i && !down));
    head.replaceChildren(button);
  });

  const view = name => {
    grid = name === "grid";
    document.body.classList.toggle("grid", grid);
    $("[data-view]").forEach(button => button.setAttribute("aria-pressed", String(button.dataset.view === name)));
    measure();
  };
  $("[data-view]").forEach(button => button.addEventListener("click", () => { view(button.dataset.view); kept(); }));

  const dialog = document.querySelector("dialog"), large = dialog.querySelector("img"), words = dialog.querySelector("figcaption");
  let at = 0;
  const pictures = () => $(".sources img, td.picture img");  // the photo first, then as they are sorted
  const show = i => {
    const all = pictures();
    at = (i + all.length) % all.length;
    const row = all[at].closest("tr");
    large.src = all[at].src;
    large.alt = all[at].alt;
    large.style.maxWidth = `${Math.max(480, 2 * all[at].naturalWidth)}px`;  // no more than can be seen of it
    large.style.maxHeight = `${Math.max(480, 2 * all[at].naturalHeight)}px`;
    words.textContent = row ? $("td[data-head]", row).map(cell => `${cell.dataset.head} ${cell.textContent}`).join(" · ") : all[at].alt;
    if (!dialog.open) dialog.showModal();
  };
  pictures().forEach(picture => {
    const enlarge = () => show(pictures().indexOf(picture));
    picture.tabIndex = 0;
    picture.setAttribute("role", "button");
    picture.addEventListener("click", enlarge);
    picture.addEventListener("keydown", event => {
      if (event.key !== "Enter" && event.key !== " ") return;
      event.preventDefault();
      enlarge();
    });
  });
  dialog.querySelector("figure").addEventListener("click", () => dialog.close());
  $("[data-by]", dialog).forEach(button => button.addEventListener("click", () => {
    if (+button.dataset.by) show(at + +button.dataset.by);
    else dialog.close();
  }));
  dialog.addEventListener("keydown", event => {
    if (event.key === "ArrowRight") show(at + 1);
    if (event.key === "ArrowLeft") show(at - 1);
  });
  dialog.addEventListener("close", () => pictures()[at].focus());

  const copy = async code => {
    try {
      await navigator.clipboard.writeText(code.textContent);
      return true;
    } catch {  // pages that are opened as files may not, in some browsers
      const area = Object.assign(document.createElement("textarea"), { value: code.textContent }), before = document.activeElement;
      document.body.append(area);
      area.select();
      const copied = document.execCommand("copy");
      area.remove();
      before?.focus({ preventScroll: true });
      return copied;
    }
  };
  const cells = $("td.command").map(cell => {
    const code = cell.querySelector("code"), whole = document.createElement("button"), button = document.createElement("button");
    button.type = whole.type = "button";
    button.textContent = "Copy command";
    button.addEventListener("click", async () => {
      button.textContent = status.textContent = await copy(code) ? "Copied" : "Select it and copy";
      setTimeout(() => { button.textContent = "Copy command"; }, 1600);
    });
    whole.textContent = "Show all";
    whole.dataset.whole = "";
    whole.addEventListener("click", () => {
      whole.textContent = cell.classList.toggle("whole") ? "Show less" : "Show all";
      whole.setAttribute("aria-expanded", String(cell.classList.contains("whole")));
    });
    cell.append(button, whole);
    return [cell, code, whole];
  });
  const main = document.querySelector("main"), table = main.querySelector("table");
  const measure = () => {
    main.classList.toggle("fits", table.offsetWidth <= main.clientWidth);  // headings stay in view but where the table is scrolled
    main.style.setProperty("--below", `${nav.offsetHeight - 1}px`);
    // only what is cut off can be shown in full
    const cut = cells.map(([cell, code]) => cell.classList.contains("whole") || code.scrollHeight > code.clientHeight + 2);
    cells.forEach(([, , whole], i) => { whole.hidden = !cut[i]; });
  };
  addEventListener("resize", measure);

  document.body.classList.add("scripted");
  nav.hidden = false;
  const told = new URLSearchParams(location.hash.slice(1)), first = names.indexOf(told.get("down") ?? told.get("up"));
  if (first >= 0) sort(first, told.has("down"));
  view(told.get("view") === "grid" ? "grid" : "table");
})();
