/**
 * Elements by a function of forty lines instead of a framework: each screen is drawn once per answer of the server, and text is always text,
 * never markup, which the content security policy enforces.
 */

/** @typedef {Node | string | null | undefined | false} Child */

/**
 * Makes an element. Attributes that are undefined, null or false are left out; "onclick" and alike listen.
 *
 * @template {keyof HTMLElementTagNameMap} T
 * @param {T} tag
 * @param {Record<string, unknown>} [attributes]
 * @param {...(Child | Child[])} children
 * @returns {HTMLElementTagNameMap[T]}
 */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) {
      continue;
    }
    if (name.startsWith("on")) {
      element.addEventListener(name.slice(2), /** @type {EventListener} */ (value));
    } else {
      element.setAttribute(name, value === true ? "" : String(value));
    }
  }
  element.append(...present(children.flat()));
  return element;
}

/**
 * Replaces what an element holds.
 *
 * @param {Element} element
 * @param {...(Child | Child[])} children
 */
export function fill(element, ...children) {
  element.replaceChildren(...present(children.flat()));
}

/**
 * Makes an element hold these children and keeps those of its own that look the same: what has not changed neither flickers nor moves away
 * under a finger, and stays focused.
 *
 * @param {Element} element
 * @param {...Child} children
 */
export function update(element, ...children) {
  const wanted = present(children).map((child) => (typeof child === "string" ? document.createTextNode(child) : child));
  wanted.forEach((child, at) => {
    const old = element.childNodes[at];
    if (old === undefined) {
      element.append(child);
    } else if (!old.isEqualNode(child)) {
      old.replaceWith(child);
    }
  });
  while (element.childNodes.length > wanted.length) {
    element.lastChild?.remove();
  }
}

/**
 * @param {Child[]} children
 * @returns {(Node | string)[]}
 */
function present(children) {
  return /** @type {(Node | string)[]} */ (children.filter((child) => child !== undefined && child !== null && child !== false));
}

/**
 * Finds what the page is certain to hold.
 *
 * @param {string} id
 * @returns {HTMLElement}
 */
export function byId(id) {
  const element = document.getElementById(id);
  if (element === null) {
    throw new Error(`the page has no #${id}`);
  }
  return element;
}
