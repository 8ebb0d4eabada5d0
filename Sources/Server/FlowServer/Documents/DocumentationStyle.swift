/// The style of the documentation of the API, in the colours of the dashboard.
enum DocumentationStyle {
  static let text = """
    :root { color-scheme: light dark; --page: light-dark(#f7f6f3, #141518); --surface: light-dark(#fff, #1c1e22);
      --sunken: light-dark(#f1efeb, #17191c); --line: light-dark(#e3e0d9, #30333a);
      --text: light-dark(#1e2024, #e9e7e3);
      --muted: light-dark(#5c6067, #a5a9b1); --accent: light-dark(#2d4cc0, #a5b6ff);
      --soft: light-dark(#e9edfc, #262d47);
      font: 15px/1.5 system-ui, "Segoe UI", Roboto, "Helvetica Neue", sans-serif; background: var(--page);
      color: var(--text); -webkit-text-size-adjust: 100% }
    * { box-sizing: border-box }
    body { margin: 0 auto; max-width: 76rem; padding: 28px 20px 64px; display: grid;
      grid-template-columns: 13rem minmax(0, 1fr); gap: 0 40px }
    body.single { display: block; max-width: 46rem }
    header { grid-column: 1 / -1; margin-bottom: 12px }
    h1 { font-size: 1.45rem; line-height: 1.25; letter-spacing: -.01em; margin: 0 0 .3em }
    h2 { font-size: 1.15rem; margin: 36px 0 12px } main > h2:first-child { margin-top: 0 }
    h3 { font-size: 1rem; margin: 0; overflow-wrap: anywhere; font-weight: 600 }
    p { margin: 0 0 .6em } .muted, .scope { color: var(--muted) } .scope { font-size: .88rem }
    a { color: var(--accent); text-underline-offset: .18em }
    code, pre { font: .86em/1.55 ui-monospace, "SF Mono", "DejaVu Sans Mono", monospace; overflow-wrap: anywhere }
    pre { margin: 0 0 .6em; padding: 12px 14px; background: var(--sunken); border-radius: 8px; white-space: pre-wrap;
      overflow: auto; max-height: 26rem }
    nav { position: sticky; top: 20px; align-self: start; max-height: calc(100vh - 40px); overflow: auto }
    nav ul { list-style: none; margin: 0; padding: 0 } nav a { display: block; padding: 6px 0; text-decoration: none }
    article { background: var(--surface); border: 1px solid var(--line); border-radius: 10px; padding: 16px 20px;
      margin: 0 0 14px; scroll-margin-top: 16px }
    article:target { border-color: var(--accent) }
    .line { display: flex; flex-wrap: wrap; gap: 4px 12px; align-items: baseline; justify-content: space-between;
      margin-bottom: 6px }
    .method { font: 600 .8rem/1.5 ui-monospace, monospace; background: var(--soft); color: var(--accent);
      border-radius: 6px; padding: 2px 7px; margin-right: 6px }
    table { border-collapse: collapse; width: 100% }
    td, th { text-align: left; vertical-align: top; padding: 6px 14px 6px 0; border-bottom: 1px solid var(--line) }
    th { font-size: .82rem; color: var(--muted); font-weight: 550 } tr:last-child td { border-bottom: 0 }
    summary { cursor: pointer; padding: 6px 0; color: var(--muted) }
    :focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; border-radius: 6px }
    @media (max-width: 760px) {
      body { display: block; padding: 16px 14px 48px } nav { position: static; max-height: none; margin-bottom: 20px }
      nav ul { display: flex; flex-wrap: wrap; gap: 0 18px } nav a, summary { min-height: 44px; padding: 11px 0 }
      article { padding: 14px 16px } td, th { display: block; border: 0; padding: 2px 0 }
      tr { display: block; padding: 8px 0; border-bottom: 1px solid var(--line) } th { display: none }
    }
    """
}
