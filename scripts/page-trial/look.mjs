// Looks at the status page as people do: light, dark, on a phone, printed, with the keyboard, without scripts; runs an
// accessibility checker over it and takes pictures. Fails when something is found.
//
//   node look.mjs URL FOLDER-FOR-PICTURES
import { AxePuppeteer } from "@axe-core/puppeteer";
import puppeteer from "puppeteer-core";

const [url, folder] = process.argv.slice(2);
const found = [];
const browser = await puppeteer.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-gpu", "--hide-scrollbars"],
});
console.log(await browser.version());

for (const [name, width, colours] of [
    ["light", 1280, "light"],
    ["dark", 1280, "dark"],
    ["phone", 375, "light"],
    ["phone-dark", 375, "dark"],
]) {
    const page = await browser.newPage();
    const requests = [];
    page.on("request", (request) => requests.push(request.url()));
    page.on("console", (message) => found.push(`${name}: console: ${message.text()}`));
    await page.setViewport({ width, height: 800, deviceScaleFactor: 1, isMobile: width < 500 });
    await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: colours }]);
    await page.goto(url, { waitUntil: "load" });
    await page.screenshot({ path: `${folder}/${name}.png`, fullPage: true });

    // A page scrolls down, never sideways.
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
    if (wide > 0) found.push(`${name}: ${wide} pixels wider than the window`);
    // Everything comes from this page; nothing from elsewhere.
    for (const other of requests.filter((request) => new URL(request).origin !== new URL(url).origin && !request.startsWith("data:")))
        found.push(`${name}: asks for ${other}`);
    if ((await page.$$("script")).length) found.push(`${name}: has a script`);

    const result = await new AxePuppeteer(page)
        .withTags(["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"])
        .analyze();
    console.log(`${name}: axe ${result.testEngine.version}: ${result.passes.length} rules passed, ` +
        `${result.violations.length} broken, ${result.incomplete.length} for a person to judge`);
    for (const rule of result.violations)
        for (const node of rule.nodes) found.push(`${name}: ${rule.impact}: ${rule.id}: ${rule.help}: ${node.target}`);
    for (const rule of result.incomplete) console.log(`  to judge: ${rule.id}: ${rule.help}: ${rule.nodes.map((n) => n.target).slice(0, 3)}`);

    // By keyboard: what can be reached, each time with a visible focus.
    const reached = [];
    for (let press = 0; press < 60; press++) {
        await page.keyboard.press("Tab");
        const now = await page.evaluate(() => {
            const on = document.activeElement;
            if (!on || on === document.body) return null;
            const style = getComputedStyle(on);
            return {
                what: `${on.tagName.toLowerCase()} ${(on.getAttribute("aria-label") ?? on.textContent ?? "").trim().slice(0, 40)}`,
                visible: style.outlineStyle !== "none" || style.boxShadow !== "none",
            };
        });
        if (!now) break;
        reached.push(now.what);
        if (!now.visible) found.push(`${name}: focus cannot be seen on ${now.what}`);
    }
    console.log(`  by keyboard: ${reached.length} stops`);
    await page.close();
}

const page = await browser.newPage();
await page.setJavaScriptEnabled(false);
await page.goto(url, { waitUntil: "load" });
await page.pdf({ path: `${folder}/print.pdf`, format: "A4" });
await browser.close();

for (const line of found) console.error(line);
console.log(found.length ? `${found.length} found` : "nothing found");
process.exit(found.length ? 1 : 0);
