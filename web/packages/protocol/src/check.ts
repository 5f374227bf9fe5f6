import { ProtocolError } from './errors.js';

/** Turns an unknown value into a T or throws a ProtocolError that names the member. */
export type Check<T> = (value: unknown, member: string) => T;
export type Infer<C> = C extends Check<infer T> ? T : never;

type OptionalKeys<S> = { [K in keyof S]: undefined extends Infer<S[K]> ? K : never }[keyof S];
type Shape = Record<string, Check<unknown>>;
export type ObjectOf<S extends Shape> = { [K in Exclude<keyof S, OptionalKeys<S>>]: Infer<S[K]> } & {
  [K in OptionalKeys<S>]?: Exclude<Infer<S[K]>, undefined>;
};

export function at(member: string, name: string | number): string {
  return member ? `${member}.${name}` : String(name);
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function int(min: number, max: number): Check<number> {
  return (value, member) => {
    if (typeof value !== 'number' || !Number.isSafeInteger(value)) throw new ProtocolError(member, 'not an integer');
    if (value < min || value > max) throw new ProtocolError(member, `outside ${min}..${max}`);
    return value;
  };
}

export function real(min: number, max: number): Check<number> {
  return (value, member) => {
    if (typeof value !== 'number' || !(value >= min && value <= max)) throw new ProtocolError(member, 'not a number in range');
    return value;
  };
}

export const bool: Check<boolean> = (value, member) => {
  if (typeof value !== 'boolean') throw new ProtocolError(member, 'not true or false');
  return value;
};

export function text(min: number, max: number, pattern?: RegExp): Check<string> {
  return (value, member) => {
    if (typeof value !== 'string') throw new ProtocolError(member, 'not text');
    if (value.length < min || value.length > max) throw new ProtocolError(member, `not ${min} to ${max} long`);
    if (pattern && !pattern.test(value)) throw new ProtocolError(member, 'not of its form');
    return value;
  };
}

export function oneOf<const T extends string>(...values: T[]): Check<T> {
  return (value, member) => {
    const found = values.find((candidate) => candidate === value);
    if (found === undefined) throw new ProtocolError(member, `not one of ${values.join(', ')}`);
    return found;
  };
}

/** Absent and null are alike: undefined. */
export function optional<T>(inner: Check<T>): Check<T | undefined> {
  return (value, member) => (value === undefined || value === null ? undefined : inner(value, member));
}

/** Absent and null are alike: null. */
export function nullable<T>(inner: Check<T>): Check<T | null> {
  return (value, member) => (value === undefined || value === null ? null : inner(value, member));
}

export function array<T>(inner: Check<T>, min: number, max: number): Check<T[]> {
  return (value, member) => {
    if (!Array.isArray(value)) throw new ProtocolError(member, 'not a list');
    if (value.length < min || value.length > max) throw new ProtocolError(member, `not ${min} to ${max} items`);
    return value.map((item, index) => inner(item, at(member, index)));
  };
}

/** Known members only: those that nobody knows are dropped. */
export function object<S extends Shape>(shape: S): Check<ObjectOf<S>> {
  const members = Object.entries(shape);
  return (value, member) => {
    if (!isRecord(value)) throw new ProtocolError(member, 'not an object');
    const result: Record<string, unknown> = {};
    for (const [name, check] of members) {
      const checked = check(Object.hasOwn(value, name) ? value[name] : undefined, at(member, name));
      if (checked !== undefined) result[name] = checked;
    }
    return result as ObjectOf<S>;
  };
}
