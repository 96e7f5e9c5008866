// node look.cjs DIR NAME=URL...: opens each page in headless Chromium as a person
// would (light, dark, on a phone, without scripts), holds it against axe-core's
// rules with all that opens opened, takes a screenshot into DIR, and prints one
// line of JSON a look.
const { chromium } = require('playwright-core')
const axe = require('axe-core').source

const looks = {
  light: { colorScheme: 'light', viewport: { width: 1280, height: 800 } },
  dark: { colorScheme: 'dark', viewport: { width: 1280, height: 800 } },
  phone: { colorScheme: 'light', viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true },
  plain: { colorScheme: 'light', viewport: { width: 1280, height: 800 }, javaScriptEnabled: false }
}

async function main ([dir, ...pages]) {
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM,
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync']
  })
  try {
    for (const page of pages) {
      const [name, url] = [page.slice(0, page.indexOf('=')), page.slice(page.indexOf('=') + 1)]
      for (const look of Object.keys(looks)) console.log(JSON.stringify(await lookAt(browser, dir, name, url, look)))
    }
  } finally {
    await browser.close()
  }
}

async function lookAt (browser, dir, name, url, look) {
  const context = await browser.newContext(looks[look])
  const page = await context.newPage()
  const errors = []
  page.on('pageerror', e => errors.push(String(e)))
  page.on('console', m => { if (m.type() === 'error') errors.push(m.text()) })
  await page.goto(url, { waitUntil: 'networkidle' })
  await page.screenshot({ path: `${dir}/${name}-${look}.png` })
  const seen = { name, look, text: await page.innerText('body'), violations: [], overflows: false }
  if (look !== 'plain') {
    await page.evaluate(() => { for (const d of document.querySelectorAll('details')) d.open = true })
    await page.evaluate(axe)
    const found = await page.evaluate(() => window.axe.run())
    seen.violations = found.violations.map(v => `${v.id}: ${v.help}: ${v.nodes.map(n => n.html).slice(0, 3).join(' ')}`)
    seen.overflows = await page.evaluate(() => document.documentElement.scrollWidth > document.documentElement.clientWidth)
  }
  seen.filtered = await filter(page)
  seen.months = await month(page)
  seen.errors = [...errors] // of this page, and not of the one that it leads to
  seen.moment = await moment(page)
  await context.close()
  return seen
}

// filter types what the last link is called into the page's filter, and returns
// the links that are left in the table; null: the page has no filter.
async function filter (page) {
  if (!await page.locator('#q').isVisible()) return null
  const links = page.locator('#t tbody a')
  await page.locator('#q').fill(await links.last().innerText())
  return (await links.all()).reduce(async (list, a) => [...await list, ...(await a.isVisible() ? [await a.innerText()] : [])], [])
}

// month types a month into the filter as the list's headings print it, and returns the
// headings that are left; null: the page has no filter, or no months.
async function month (page) {
  const head = page.locator('#t th[scope=rowgroup]')
  if (!await page.locator('#q').isVisible() || await head.count() === 0) return null
  const [name, year] = (await head.nth(1).innerText()).split(' ')
  const left = []
  for (const text of [`${name} ${year}`, `${name.slice(0, 3).toLowerCase()} ${year}`, await page.locator('#t tr[id]').nth(1).getAttribute('id'), 'nothing of that kind']) {
    await page.locator('#q').fill(text)
    const shown = (await head.all()).map(async h => await h.isVisible() ? await h.innerText() : '')
    left.push((await Promise.all(shown)).filter(Boolean).join(', ') || await page.locator('#none').innerText())
  }
  return left
}

// moment fills in the field for a date and a time, and returns the address that it leads
// to; null: the page has none.
async function moment (page) {
  const field = page.locator('[name=at]')
  if (await field.count() === 0) return null
  await field.fill('2025-03-20T12:00')
  await page.getByRole('button').click()
  await page.waitForLoadState('networkidle')
  const url = new URL(page.url())
  return url.pathname + url.search
}

main(process.argv.slice(2)).catch(e => { console.error(e); process.exit(1) })
