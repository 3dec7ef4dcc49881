// Opens HTML reports in Debian's Chromium as an auditor would: on a laptop, on a phone, in dark mode and
// on paper. Usage: `node look.mjs REPORT.html… REPORT.xml… [--pictures FOLDER]`. TRAILPROOF_CHROMIUM is
// the path of the browser. JUnit reports are read with the browser's XML parser, because no other
// third-party parser is available.
//
// A report fails if axe-core finds anything, if the document is wider than the window, if a phone cuts off
// columns, if the findings begin after the second screen, if a drawing is black without the style sheet,
// if the page makes a request, writes to the console, opens a dialog, or has a script.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { basename, join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { chromium } from 'playwright-core'

const require = createRequire(import.meta.url)
const axe = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8')
const arguments_ = process.argv.slice(2)
const at = arguments_.indexOf('--pictures')
const pictures = at < 0 ? null : resolve(arguments_.splice(at, 2)[1])
const reports = arguments_.filter(name => name.endsWith('.html'))
const junits = arguments_.filter(name => name.endsWith('.xml'))
if (reports.length + junits.length === 0) throw new Error('no reports given')
if (pictures) mkdirSync(pictures, { recursive: true })

const SIZES = [
  { name: 'laptop', width: 1366, height: 768 },
  { name: 'phone', width: 360, height: 740 },
]
// A4 in points, the unit of page sizes in a PDF.
const A4 = { width: 595, height: 842 }

// Playwright starts it with a new profile in a temporary folder, and removes the folder.
const options = {
  executablePath: process.env.TRAILPROOF_CHROMIUM ?? '/usr/bin/chromium',
  args: [
    '--headless',
    '--no-sandbox',
    '--disable-gpu',
    '--disable-quic',
    '--no-first-run',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
  ],
}

const wrong = []
let browser
// Opens a report, and watches the page from its first byte on.
async function open(report, settings, problems) {
  const context = await browser.newContext({ offline: true, ...settings })
  const page = await context.newPage()
  const url = pathToFileURL(resolve(report)).href
  await context.route('**/*', route => {
    if (route.request().url() === url) return route.continue()
    problems.push(`asks for ${route.request().url().slice(0, 200)}`)
    return route.abort()
  })
  page.on('console', message => problems.push(`console: ${message.text().slice(0, 300)}`))
  page.on('pageerror', error => problems.push(`error: ${error.message.slice(0, 300)}`))
  page.on('dialog', dialog => {
    problems.push(`dialog: ${dialog.message().slice(0, 200)}`)
    return dialog.dismiss()
  })
  await page.goto(url)
  return { context, page }
}

// Returns the elements that are wider than the window and not in a scrolling region.
function overflow() {
  const wide = document.documentElement.scrollWidth
  if (wide <= window.innerWidth) return null
  const inRegion = element => element.closest('.scroll') !== null
  const culprits = [...document.body.querySelectorAll('*')]
    .filter(element => element.getBoundingClientRect().right > window.innerWidth + 1)
    .filter(element => !inRegion(element))
  const names = culprits.slice(0, 5).map(element => `${element.tagName}.${element.getAttribute('class')}`)
  return `${wide} px wide in ${window.innerWidth} px: ${names.join(', ')}`
}

// Returns the tables of which a phone shows only some columns.
function cut() {
  const regions = [...document.querySelectorAll('.scroll')].filter(one => one.scrollWidth > one.clientWidth + 1)
  return regions.length > 0 ? `${regions.length} tables are cut off` : null
}

// Returns the number of the screen on which the findings begin, if there are any and that is too late.
function late() {
  if (document.querySelector('[id^="finding-"]') === null) return null
  const screen = Math.floor(document.getElementById('findings').getBoundingClientRect().top / window.innerHeight) + 1
  return screen > 2 ? `the findings begin on screen ${screen}` : null
}

// Returns the shapes that would be black without the style sheet.
function black() {
  const shapes = [...document.querySelectorAll('svg rect, svg path')]
  const unfilled = shapes.filter(shape => !shape.getAttribute('fill')).length
  return unfilled > 0 ? `${unfilled} shapes have no fill of their own` : null
}

async function look(report) {
  const name = basename(report, '.html')
  const text = readFileSync(report, 'utf8')
  const problems = []
  if (/<script|\son\w+=|\sstyle=|https?:\/\//i.test(text.replace(/<style>[^]*?<\/style>/, '').replace(/&[#\w]+;[^<]*/g, ''))) {
    problems.push('has a script, a style attribute or a URL')
  }
  for (const size of SIZES) {
    // A page as long as an organization's is not checked in dark mode: its colours are those of the
    // shorter pages.
    for (const colorScheme of text.length < 500_000 ? ['light', 'dark'] : ['light']) {
      const where = `${name} ${size.name} ${colorScheme}`
      const here = []
      const settings = { viewport: size, colorScheme, reducedMotion: 'reduce' }
      const { context, page } = await open(report, settings, here)
      const wide = await page.evaluate(overflow)
      if (wide) here.push(wide)
      for (const check of size.name === 'phone' ? [cut, late, black] : [late, black]) {
        const problem = await page.evaluate(check)
        if (problem) here.push(problem)
      }
      const scripts = await page.evaluate(() => document.scripts.length)
      if (scripts > 0) here.push(`${scripts} scripts`)
      const styled = await page.evaluate(() => getComputedStyle(document.querySelector('h1')).fontFamily.includes('system-ui'))
      if (!styled) here.push('its policy rejects its own style')
      if (pictures) {
        const file = join(pictures, `${where.replaceAll(' ', '-')}.png`)
        await page.screenshot({ path: file, fullPage: text.length < 200_000 })
      }
      await context.close()
      // The policy blocks axe like any script, so it is bypassed while axe runs.
      const judged = await open(report, { ...settings, bypassCSP: true }, here)
      await judged.page.evaluate(axe)
      const found = await judged.page.evaluate(async () => {
        const result = await window.axe.run(document, { resultTypes: ['violations'] })
        return result.violations.map(one => `axe ${one.id}: ${one.help}; ${one.nodes.length} of ${one.nodes.slice(0, 3).map(node => `${node.target.join(' ')} (${node.failureSummary})`).join(' | ')}`)
      })
      here.push(...found)
      await judged.context.close()
      problems.push(...here.map(problem => `${where}: ${problem}`))
    }
  }
  const paper = []
  const { context, page } = await open(report, {}, paper)
  const pdf = await page.pdf({ preferCSSPageSize: true })
  if (pictures) writeFileSync(join(pictures, `${name}.pdf`), pdf)
  const boxes = [...pdf.toString('latin1').matchAll(/\/MediaBox\s*\[\s*0\s+0\s+([\d.]+)\s+([\d.]+)\s*\]/g)]
  const isA4 = ([, width, height]) => Math.abs(width - A4.width) < 2 && Math.abs(height - A4.height) < 2
  if (boxes.length === 0 || !boxes.every(isA4)) paper.push('has a page that is not A4')
  await context.close()
  problems.push(...paper.map(problem => `${name} on paper: ${problem}`))
  console.log(`${name}: ${(text.length / 1000).toFixed(0)} kB, ${boxes.length} pages on paper, ${problems.length} problems`)
  wrong.push(...problems)
}

// The elements and attributes of Jenkins' schema for JUnit reports.
const JUNIT = {
  testsuites: { children: ['testsuite'], attributes: ['name', 'time', 'tests', 'failures', 'disabled', 'errors', 'skipped'] },
  testsuite: { children: ['properties', 'testcase', 'system-out', 'system-err'], attributes: ['name', 'tests', 'failures', 'errors', 'time', 'disabled', 'skipped', 'timestamp', 'hostname', 'id', 'package'] },
  properties: { children: ['property'], attributes: [] },
  property: { children: [], attributes: ['name', 'value'] },
  testcase: { children: ['skipped', 'error', 'failure', 'system-out', 'system-err'], attributes: ['name', 'assertions', 'time', 'classname', 'status'] },
  skipped: { children: [], attributes: ['message'] },
  failure: { children: [], attributes: ['type', 'message'] },
  error: { children: [], attributes: ['type', 'message'] },
}

async function readJunit(report) {
  const page = await browser.newPage()
  const problems = await page.evaluate(([text, schema]) => {
    const read = new DOMParser().parseFromString(text, 'application/xml')
    const broken = read.querySelector('parsererror')
    if (broken) return [broken.textContent.slice(0, 300)]
    const problems = []
    const root = read.documentElement
    if (root.tagName !== 'testsuites') problems.push(`begins with ${root.tagName}`)
    for (const element of read.querySelectorAll('*')) {
      const rule = schema[element.tagName]
      if (!rule) {
        problems.push(`has an element ${element.tagName}`)
        continue
      }
      for (const child of element.children) {
        if (!rule.children.includes(child.tagName)) problems.push(`${child.tagName} in ${element.tagName}`)
      }
      for (const { name } of element.attributes) {
        if (!rule.attributes.includes(name)) problems.push(`${element.tagName} has ${name}`)
      }
      if (element.tagName.startsWith('testsuite')) {
        for (const [attribute, tag] of [['failures', 'failure'], ['errors', 'error'], ['skipped', 'skipped'], ['tests', 'testcase']]) {
          const count = element.getElementsByTagName(tag).length
          if (element.getAttribute(attribute) !== String(count)) problems.push(`${attribute} are ${count}`)
        }
      }
    }
    return problems
  }, [readFileSync(report, 'utf8'), JUNIT])
  await page.close()
  console.log(`${basename(report)}: ${problems.length} problems`)
  wrong.push(...problems.slice(0, 10).map(problem => `${basename(report)}: ${problem}`))
}

try {
  browser = await chromium.launch(options)
  for (const report of reports) await look(report)
  for (const report of junits) await readJunit(report)
} finally {
  await browser?.close()
}
if (wrong.length > 0) {
  console.error(wrong.join('\n'))
  process.exitCode = 1
}
