type Attributes = Record<string, string | boolean>;

export function el<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: (Node | string)[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== false) element.setAttribute(name, value === true ? '' : value);
  }
  element.append(...children);
  return element;
}

export function field(label: string, attributes: Attributes): { label: HTMLLabelElement; input: HTMLInputElement } {
  const input = el('input', attributes);
  return { label: el('label', { class: 'field' }, label, input), input };
}
