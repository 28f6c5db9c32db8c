"use strict";
// The table of all numbers: search, filter, sort, pages, CSV. Values are only ever inserted as text nodes.
(() => {
  const PAGE = 50;
  const data = JSON.parse(document.getElementById("data").textContent);
  const { rows, values, reasons, columns, filters } = data;
  // The members of a row.
  const [ROW, PHONE, NAME, SPACE, STATUS, QUALITY, TIER, LEVEL, REASON, CHANGE, CHANGE_TEXT, LABELS] = Array(12).keys();
  // The indices of the labels in a row.
  let labels = 0;
  for (const column of columns) {
    column.id = column.key === "label" ? `label-${labels}` : column.key;
    if (column.key === "label") column.member = LABELS + labels++;
  }
  const LEVELS = ["", "act", "risk", "watch"];
  const element = (id) => document.getElementById(id);
  const grouped = new Intl.NumberFormat("en");

  // The text that a search looks at. A phone number is also found by its digits.
  const plainPhone = (row) => row[PHONE].replace(/^\+(\d+) /, "$1");
  const texts = rows.map((row) =>
    [row[ROW], row[PHONE], plainPhone(row), row[NAME], row[SPACE], values.status[row[STATUS]].value, values.quality[row[QUALITY]].value,
      values.tier[row[TIER]].value, values.tier[row[TIER]].label, reasons[row[REASON]], row[CHANGE], row[CHANGE_TEXT], ...row.slice(LABELS)]
      .join("\n").toLowerCase());

  // The order of all rows by a column, computed on first use. Values with their own order are stored as numbers.
  const collator = new Intl.Collator("en", { numeric: true });
  const places = new Map();
  const placesBy = (key) => {
    if (!places.has(key)) {
      const label = columns.find((column) => column.id === key)?.member;
      const member = label ?? { row: ROW, number: PHONE, name: NAME, space: SPACE, status: STATUS, quality: QUALITY, tier: TIER }[key];
      let by;
      if (member === undefined) {
        by = rows.map((_, index) => index);
      } else if (typeof rows[0]?.[member] === "number") {
        by = rows.map((row) => row[member]);
      } else {
        const order = rows.map((_, index) => index)
          .sort((a, b) => !rows[a][member] - !rows[b][member] || collator.compare(rows[a][member], rows[b][member]) || a - b);
        by = new Uint32Array(rows.length);
        order.forEach((index, place) => {
          const before = order[place - 1];
          by[index] = place > 0 && rows[before][member] === rows[index][member] ? by[before] : place;
        });
      }
      places.set(key, by);
    }
    return places.get(key);
  };

  const state = { words: [], filter: "", sort: "why", descending: false, page: 0 };
  let found = [];

  const find = () => {
    const { words, filter } = state;
    const level = LEVELS.indexOf(filter);
    found = [];
    for (let index = 0; index < rows.length; index++) {
      const row = rows[index];
      const fits = filter === "fine" ? !row[LEVEL] : level > 0 ? row[LEVEL] === level : row[CHANGE] === filter;
      if (filter && !fits) continue;
      if (words.every((word) => texts[index].includes(word))) found.push(index);
    }
    const by = placesBy(state.sort);
    const sign = state.descending ? -1 : 1;
    found.sort((a, b) => sign * (by[a] - by[b]) || a - b);
    state.page = 0;
    show();
  };

  const SVG = "http://www.w3.org/2000/svg";
  const icon = (name) => {
    const svg = document.createElementNS(SVG, "svg");
    svg.setAttribute("class", "icon");
    svg.setAttribute("aria-hidden", "true");
    const use = document.createElementNS(SVG, "use");
    use.setAttribute("href", "#" + name);
    svg.append(use);
    return svg;
  };
  const span = (kind, text) => {
    const span = document.createElement("span");
    span.className = kind;
    if (kind) span.append(icon(kind));
    span.append(text);
    return span;
  };
  const bdi = (text, kind = "") => {
    const bdi = document.createElement("bdi");
    bdi.className = kind;
    bdi.textContent = text;
    return bdi;
  };
  const cell = (column, ...content) => {
    const cell = document.createElement("td");
    cell.setAttribute("role", "cell");
    cell.className = column.key;
    cell.dataset.label = column.label;
    cell.append(...content);
    return cell;
  };
  const content = {
    row: (row) => [row[ROW]],
    number: (row) => [row[PHONE] || "–"],
    name: (row) => (row[NAME] ? [bdi(row[NAME], "clamp")] : []),
    space: (row) => [bdi(row[SPACE], "clamp")],
    status: (row) => [span(values.status[row[STATUS]].level, values.status[row[STATUS]].value || "–")],
    quality: (row) => [span(values.quality[row[QUALITY]].level, values.quality[row[QUALITY]].value || "–")],
    tier: (row) => [values.tier[row[TIER]].label || "–"],
    why: (row) => {
      const why = [];
      if (row[LEVEL]) why.push(span(LEVELS[row[LEVEL]], ""), reasons[row[REASON]]);
      if (row[CHANGE]) {
        const change = document.createElement("span");
        change.className = "sub";
        change.append(span(row[CHANGE], row[CHANGE] === "new" ? "new" : row[CHANGE] + ":"), " ");
        if (row[CHANGE] !== "new") change.append(bdi(row[CHANGE_TEXT]));
        why.push(change);
      }
      return why;
    },
  };

  const contentOf = (column, row) => {
    if (column.member === undefined) return content[column.key](row);
    return row[column.member] ? [bdi(row[column.member], "clamp")] : [];
  };

  const show = () => {
    const from = state.page * PAGE;
    const to = Math.min(from + PAGE, found.length);
    const lines = found.slice(from, to).map((index) => {
      const line = document.createElement("tr");
      line.setAttribute("role", "row");
      line.append(...columns.map((column) => cell(column, ...contentOf(column, rows[index]))));
      return line;
    });
    if (!lines.length) {
      const line = document.createElement("tr");
      const nothing = document.createElement("td");
      nothing.colSpan = columns.length;
      nothing.className = "nothing";
      nothing.textContent = "No number matches.";
      line.append(nothing);
      lines.push(line);
    }
    element("body").replaceChildren(...lines);
    const all = grouped.format(rows.length);
    element("count").textContent = found.length === rows.length ? `${all} numbers` : `${grouped.format(found.length)} of ${all} numbers`;
    element("page").textContent = found.length ? `${grouped.format(from + 1)}–${grouped.format(to)} of ${grouped.format(found.length)}` : "";
    element("previous").disabled = from === 0;
    element("next").disabled = to >= found.length;
    for (const header of element("head").children) {
      if (header.dataset.key === state.sort) header.setAttribute("aria-sort", state.descending ? "descending" : "ascending");
      else header.removeAttribute("aria-sort");
    }
    for (const button of element("filters").children) button.setAttribute("aria-pressed", String(button.dataset.filter === state.filter));
  };

  // As in `csv.rs`, a field that a spreadsheet would take for a formula is prefixed with an apostrophe.
  const field = (text) => {
    const guard = /^\s*[=+\-@＝＋－＠]/.test(text);
    return guard || /[,;"' ]/.test(text) ? `"${guard ? "'" : ""}${text.replaceAll('"', '""')}"` : text;
  };
  const csv = () => {
    const line = (fields) => fields.map((text) => field(String(text))).join(",") + "\n";
    const header = ["Row", "CustSpaceId", "PhoneNumber", "VerifiedName", "Attention", "Reason", "Status", "QualityRating", "MessagingLimitTier", "Change", "ChangeText",
      ...columns.filter((column) => column.member).map((column) => column.label)];
    const lines = found.map((index) => {
      const row = rows[index];
      return line([row[ROW], row[SPACE], plainPhone(row), row[NAME], LEVELS[row[LEVEL]], reasons[row[REASON]], values.status[row[STATUS]].value,
        values.quality[row[QUALITY]].value, values.tier[row[TIER]].value, row[CHANGE], row[CHANGE_TEXT], ...row.slice(LABELS)]);
    });
    return "\ufeff" + line(header) + lines.join("");
  };

  for (const column of columns) {
    const header = document.createElement("th");
    header.scope = "col";
    header.setAttribute("role", "columnheader");
    header.className = column.key;
    header.dataset.key = column.id;
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = column.label;
    button.addEventListener("click", () => {
      state.descending = state.sort === column.id && !state.descending;
      state.sort = column.id;
      find();
    });
    header.append(button);
    element("head").append(header);
  }
  for (const filter of filters) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = filter.label;
    button.dataset.filter = filter.key;
    element("filters").append(button);
  }
  // The totals at the top are links to the table, and filter it.
  for (const button of document.querySelectorAll("[data-filter]")) {
    button.addEventListener("click", () => {
      state.filter = button.dataset.filter;
      find();
    });
  }
  if (labels) element("numbers").classList.add("labelled");
  let typing;
  element("search").addEventListener("input", (event) => {
    clearTimeout(typing);
    typing = setTimeout(() => {
      state.words = event.target.value.toLowerCase().split(/\s+/).filter(Boolean);
      find();
    }, 150);
  });
  const turn = (pages) => {
    state.page += pages;
    show();
    element("all-title").scrollIntoView();
  };
  element("previous").addEventListener("click", () => turn(-1));
  element("next").addEventListener("click", () => turn(1));
  element("download").addEventListener("click", () => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([csv()], { type: "text/csv;charset=utf-8" }));
    link.download = data.file;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60000);
  });
  element("table").hidden = false;
  find();
})();
