"use strict";
// Tokens as people can read them: nothing invisible, nothing that turns the line around.
(() => {
  const h = ontogeny.h;
  const NAMES = { 9: "⇥", 10: "⏎" };
  const INVISIBLE =
    /[\u0000-\u0020\u007f-\u00a0\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2000-\u200f\u2028-\u202f\u205f-\u206f\u3000\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\uffff]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/;

  function sign(character) {
    const code = character.charCodeAt(0);
    if (code === 32) {
      return "·";
    }
    if (NAMES[code]) {
      return NAMES[code];
    }
    return "U+" + code.toString(16).toUpperCase().padStart(4, "0");
  }

  // Pieces of {text, mark}: marks stand for what could not be seen.
  function pieces(text) {
    const found = [];
    let rest = text;
    for (let match = INVISIBLE.exec(rest); match; match = INVISIBLE.exec(rest)) {
      if (match.index > 0) {
        found.push({ text: rest.slice(0, match.index), mark: false });
      }
      found.push({ text: sign(match[0]), mark: true, code: match[0].charCodeAt(0) });
      rest = rest.slice(match.index + match[0].length);
    }
    if (rest) {
      found.push({ text: rest, mark: false });
    }
    return found;
  }

  const ENDS_IN_BYTE = /<0x[0-9A-F]{2}>$/;
  const BEGINS_WITH_BYTE = /^<0x[0-9A-F]{2}>/;

  // Bytes that together are UTF-8 as the characters that they are; others stay as they are.
  function decoded(text) {
    return text.replace(/(?:<0x[0-9A-F]{2}>)+/g, (run) => {
      const bytes = run.match(/[0-9A-F]{2}/g).map((digits) => parseInt(digits, 16));
      let result = "";
      for (let at = 0; at < bytes.length; ) {
        const lead = bytes[at];
        const length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc2 ? 2 : 1;
        let character = null;
        try {
          character = new TextDecoder("utf-8", { fatal: true }).decode(new Uint8Array(bytes.slice(at, at + length)));
        } catch (none) {
          character = null;
        }
        result += character === null ? "<0x" + lead.toString(16).toUpperCase().padStart(2, "0") + ">" : character;
        at += character === null ? 1 : length;
      }
      return result;
    });
  }

  // Neighbouring tokens that are parts of one character become one, of their greatest value.
  function whole(tokens, values, focus) {
    const found = [];
    for (let i = 0; i < tokens.length; ) {
      let end = i + 1;
      while (end < tokens.length && ENDS_IN_BYTE.test(tokens[end - 1] || "") && BEGINS_WITH_BYTE.test(tokens[end] || "")) {
        end++;
      }
      const joined = tokens.slice(i, end).join("");
      const text = end > i + 1 ? decoded(joined) : tokens[i];
      const stop = text === joined ? i + 1 : end;
      found.push({
        text: stop === i + 1 ? tokens[i] : text,
        value: d3.max(values.slice(i, stop)) || 0,
        focus: focus >= i && focus < stop,
      });
      i = stop;
    }
    return found;
  }

  ontogeny.tokens = {
    // As one string, for places that hold no elements.
    plain: (text) => (text === null || text === undefined ? "∅" : pieces(String(text)).map((piece) => piece.text).join("")),

    // As an element that keeps its direction to itself.
    element(text, attributes) {
      if (text === null || text === undefined) {
        return h("bdi", { ...attributes, class: "token none" }, "∅");
      }
      return h(
        "bdi",
        { class: "token", ...attributes },
        pieces(String(text)).map((piece) =>
          piece.mark
            ? h("span", { class: piece.text.length > 1 ? "sign code" : "sign" }, piece.text)
            : piece.text,
        ),
      );
    },

    // Whether there is anything to show: a capture may have no tokens.
    any: (tokens) => tokens.some((token) => token !== null && token !== undefined),

    // Tokens shaded by activation; `strongest` is the value of full shade. Null where none is known.
    context(tokens, values, strongest, focus) {
      if (!ontogeny.tokens.any(tokens)) {
        return null;
      }
      return h(
        "span",
        { class: "context" },
        whole(tokens, values, focus).map(({ text, value, focus: here }) => {
          const element = ontogeny.tokens.element(text, {
            class: "token" + (here ? " focus" : "") + (value > 0 ? " active" : ""),
            title: value > 0 ? "activation " + ontogeny.format.number(value) : null,
          });
          element.style.setProperty("--shade", String(Math.round(75 * Math.max(0, Math.min(1, value / strongest)))) + "%");
          return element.textContent.endsWith("⏎") && !here ? [element, h("wbr")] : element;
        }),
      );
    },
  };
})();
