// Elements, made of texts only: what comes from events is never read as markup.

const kSvg = 'http://www.w3.org/2000/svg';

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes || {})) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
    else if (name === 'value') element.value = value;
    else element.setAttribute(name, value === true ? '' : String(value));
  }
  for (const child of children.flat()) {
    if (child === null || child === undefined || child === false) continue;
    element.append(child instanceof Node ? child : document.createTextNode(String(child)));
  }
  return element;
}

export function el(name, attributes, ...children) {
  return fill(document.createElement(name), attributes, children);
}

export function svg(name, attributes, ...children) {
  return fill(document.createElementNS(kSvg, name), attributes, children);
}

export function show(place, ...children) {
  place.replaceChildren(...children.flat().filter(Boolean));
}

export function stateBox(title, ...more) {
  return el('div', {class: 'card state', role: 'status'}, el('strong', {}, title), ...more);
}

export function errorBox(error) {
  return el('div', {class: 'card error', role: 'alert'}, el('strong', {}, error.title || 'This could not be answered'),
            el('p', {}, error.message), error.help ? el('p', {}, error.help) : null);
}

// A select; options are [value, text] each.
export function select(label, options, value, onchange) {
  const box = el('select', {onchange: () => onchange(box.value)},
                 options.map(([v, text]) => el('option', {value: v, selected: v === value}, text)));
  return el('label', {}, label, box);
}
