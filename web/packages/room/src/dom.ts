type Child = Node | string | null;
type Attributes = Record<string, string | boolean | null>;

/** An element with attributes and children; text stays text, never markup. */
export function el<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) setAttribute(element, name, value);
  element.append(...children.filter((child): child is Node | string => child !== null));
  return element;
}

export function setAttribute(element: Element, name: string, value: string | boolean | null): void {
  if (value === null || value === false) element.removeAttribute(name);
  else element.setAttribute(name, value === true ? '' : value);
}

/** Writes only what has changed: screen readers announce each write to a live region. */
export function setText(element: Element, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}

const PATHS = {
  soundOff: 'M4 9v6h4l5 4V5L8 9H4m12.5.5 5 5m0-5-5 5',
  soundOn: 'M4 9v6h4l5 4V5L8 9H4m12-1.5a6 6 0 0 1 0 9m2.5-12a10 10 0 0 1 0 15',
  bag: 'M6 8h12l1 12H5L6 8m3 0V6a3 3 0 0 1 6 0v2',
  close: 'M6 6l12 12M18 6 6 18',
  eye: 'M2 12s4-7 10-7 10 7 10 7-4 7-10 7-10-7-10-7m10 3a3 3 0 1 0 0-6 3 3 0 0 0 0 6',
} as const;

/** A line drawing on a 24-unit square; the text beside it or aria-label speaks for it. */
export function icon(name: keyof typeof PATHS): SVGSVGElement {
  const space = 'http://www.w3.org/2000/svg';
  const svg = document.createElementNS(space, 'svg');
  svg.setAttribute('viewBox', '0 0 24 24');
  svg.setAttribute('aria-hidden', 'true');
  svg.classList.add('icon');
  const path = document.createElementNS(space, 'path');
  path.setAttribute('d', PATHS[name]);
  svg.append(path);
  return svg;
}
