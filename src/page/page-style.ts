/** The style of the page at `/`: one column on a narrow screen, two on a wide one; light or dark as the visitor's system is. */

/** CSS, which the page has inside a style element. */
export const PAGE_STYLE = `
:root {
  color-scheme: light dark;
  --paper: #fbfaf7;
  --raised: #ffffff;
  --ink: #1c2024;
  --soft: #596067;
  --line: #dcd9d1;
  --accent: #14595c;
  --on-accent: #ffffff;
  --bad: #a12a1c;
  --mono: ui-monospace, "SF Mono", "Cascadia Mono", "JetBrains Mono", "DejaVu Sans Mono", Menlo, Consolas, monospace;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #15181a;
    --raised: #1c2023;
    --ink: #e7e5df;
    --soft: #a3a9ad;
    --line: #343a3e;
    --accent: #7fc9c4;
    --on-accent: #0f2324;
    --bad: #ff9d8c;
  }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body {
  margin: 0;
  background: var(--paper);
  color: var(--ink);
  font: 1rem/1.6 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "Liberation Sans", sans-serif;
  overflow-wrap: anywhere;
}
.page { max-width: 44rem; margin: 0 auto; padding: clamp(1.5rem, 5vw, 4rem) clamp(1rem, 4vw, 2rem); }
h1, h2, h3, h4, p, dl, dd, ul, blockquote, pre { margin: 0; }
h1 { font-size: clamp(2rem, 5vw, 2.75rem); line-height: 1.1; font-weight: 650; letter-spacing: -0.025em; }
h2 { scroll-margin-top: 2rem; font-size: 1.375rem; line-height: 1.25; font-weight: 650; letter-spacing: -0.012em; }
h3 { font-size: 1rem; line-height: 1.4; font-weight: 600; }
h4 { font-size: 0.8125rem; font-weight: 600; color: var(--soft); }
a { color: var(--accent); text-underline-offset: 0.2em; }
code, pre, textarea { font-family: var(--mono); font-size: 0.875rem; line-height: 1.55; }
pre { white-space: pre-wrap; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; border-radius: 3px; }
[hidden] { display: none !important; }
.visually-hidden, .skip:not(:focus) {
  position: absolute;
  width: 1px;
  height: 1px;
  overflow: hidden;
  clip-path: inset(50%);
  white-space: nowrap;
}
.skip { position: absolute; top: 0.5rem; left: 0.5rem; padding: 0.5rem 1rem; background: var(--raised); z-index: 1; }

.eyebrow { margin-bottom: 0.75rem; color: var(--accent); font-size: 0.8125rem; font-weight: 600; letter-spacing: 0.06em; }
.about { margin-top: 1rem; color: var(--soft); font-size: 1.0625rem; }
.what { margin-top: 1rem; color: var(--soft); }
.label { display: block; margin-bottom: 0.375rem; color: var(--soft); font-size: 0.8125rem; font-weight: 600; }
header > .label { margin-top: 2rem; }
.line {
  display: flex;
  align-items: flex-start;
  gap: 0.75rem;
  padding: 0.625rem 0.625rem 0.625rem 0.875rem;
  background: var(--raised);
  border: 1px solid var(--line);
  border-radius: 6px;
}
.line code { flex: 1; min-width: 0; padding: 0.1875rem 0; white-space: pre-wrap; }
.line span:not(.visually-hidden) { display: inline-block; max-width: 100%; }
.endpoint { border-color: var(--accent); }
.endpoint code { font-weight: 600; }
.facts { margin-top: 1.75rem; border-top: 1px solid var(--line); font-size: 0.9375rem; }
.facts div { display: grid; grid-template-columns: 6rem 1fr; gap: 1rem; padding: 0.5rem 0; border-bottom: 1px solid var(--line); }
.facts dt { color: var(--soft); }

section { margin-top: 3.5rem; }
section > * + * { margin-top: 1rem; }
section > p + .command { margin-top: 0.75rem; }
.links { display: flex; flex-wrap: wrap; gap: 0.5rem; padding: 0; list-style: none; }
button, .links a {
  padding: 0.4375rem 0.9375rem;
  background: var(--raised);
  color: var(--ink);
  border: 1px solid var(--line);
  border-radius: 6px;
  font: inherit;
  font-size: 0.9375rem;
  font-weight: 550;
  line-height: 1.4;
  text-decoration: none;
  cursor: pointer;
}
.links a { display: block; }
button:hover, .links a:hover { border-color: var(--accent); }
.primary { background: var(--accent); border-color: var(--accent); color: var(--on-accent); }
.primary:hover { background: color-mix(in srgb, var(--accent) 88%, var(--ink)); }
.copy { padding: 0.125rem 0.625rem; font-size: 0.8125rem; background: none; }
.command h3 { margin-bottom: 0.25rem; color: var(--soft); font-size: 0.8125rem; }
.more > summary { padding: 0.25rem 0; }
.more .command { margin-top: 0.75rem; }
summary { cursor: pointer; }

blockquote { padding-left: 1rem; border-left: 2px solid var(--accent); color: var(--soft); white-space: pre-wrap; }
#tool-list { border-top: 1px solid var(--line); }
.tool { padding: 1.25rem 0; border-bottom: 1px solid var(--line); }
.tool > * + * { margin-top: 1rem; }
.tool > summary { display: block; position: relative; padding-right: 2rem; list-style: none; }
.tool > summary::-webkit-details-marker { display: none; }
.tool > summary::after { content: "+"; position: absolute; top: -0.125rem; right: 0.25rem; color: var(--soft); font-size: 1.25rem; }
.tool[open] > summary::after { content: "\\2212"; }
.tool summary h3 { display: inline; margin-right: 0.5rem; font-size: 1.0625rem; }
.tool .name { color: var(--soft); }
.tool .description { display: block; margin-top: 0.25rem; white-space: pre-line; }
.tool:not([open]) .description { color: var(--soft); display: -webkit-box; -webkit-box-orient: vertical; -webkit-line-clamp: 2; overflow: hidden; }
.hints { display: flex; flex-wrap: wrap; gap: 0.375rem; padding: 0; list-style: none; }
.hints li { padding: 0 0.5rem; border: 1px solid var(--line); border-radius: 99px; color: var(--soft); font-size: 0.8125rem; }
.parameters { font-size: 0.9375rem; }
.parameters div + div { margin-top: 0.625rem; }
.parameters .type, .parameters dd { color: var(--soft); }
.parameters .required { color: var(--accent); font-size: 0.8125rem; font-weight: 600; }
.parameters code { font-weight: 600; }
.schemas summary, .wire summary { color: var(--soft); font-size: 0.9375rem; }
.schemas h4, .wire h4 { margin: 0.75rem 0 0.25rem; }
.schemas pre, .wire pre, .outcome pre {
  padding: 0.75rem 0.875rem;
  background: var(--raised);
  border: 1px solid var(--line);
  border-radius: 6px;
}
.schemas pre, .wire pre { font-size: 0.8125rem; }

form > * + * { margin-top: 0.75rem; }
label { display: block; }
textarea, input {
  display: block;
  width: 100%;
  padding: 0.625rem 0.875rem;
  background: var(--raised);
  color: var(--ink);
  border: 1px solid color-mix(in srgb, var(--soft) 70%, var(--line));
  border-radius: 6px;
  resize: vertical;
}
input { font: inherit; }
.actions { display: flex; gap: 0.5rem; }
.note { color: var(--soft); font-size: 0.875rem; }
.outcome:empty { display: none; }
.verdict { color: var(--accent); font-weight: 600; }
.bad .verdict { color: var(--bad); }
.outcome pre { margin-top: 0.5rem; border-left: 3px solid var(--accent); }
.bad pre { border-left-color: var(--bad); }
footer { margin-top: 3.5rem; color: var(--soft); font-size: 0.875rem; }

@media (min-width: 68rem) {
  .page { display: grid; grid-template-columns: 22rem minmax(0, 44rem); column-gap: 5rem; max-width: 76rem; }
  header { position: sticky; top: 4rem; align-self: start; }
  main { grid-column: 2; }
  main section:first-child { margin-top: 0.25rem; }
  footer { grid-column: 2; }
}
@media (max-width: 26rem) {
  .line { flex-direction: column; gap: 0.375rem; }
  .line code { flex: none; max-width: 100%; }
  .facts div { grid-template-columns: 1fr; gap: 0; }
}
@media (prefers-reduced-motion: no-preference) {
  button, .links a { transition: border-color 0.15s, background-color 0.15s; }
}
@media (forced-colors: active) {
  .primary { border: 2px solid ButtonText; }
}
`;
