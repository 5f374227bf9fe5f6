/**
 * The first of the wanted languages that is one, as a tag of BCP 47: Intl throws at what some web views
 * say they are ("zh_CN", "C") and at what people type into an address.
 */
export function chooseLanguage(...wanted: (string | null | undefined)[]): string {
  for (const name of wanted) {
    try {
      const tag = name && Intl.getCanonicalLocales(name.replaceAll('_', '-'))[0];
      if (tag) return tag;
    } catch {
      // Not a language.
    }
  }
  return 'en';
}
