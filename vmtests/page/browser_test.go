package page

import (
	"context"
	"flag"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	goruntime "runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netstrip/netstrip/kconfigs/programs"
	"github.com/netstrip/netstrip/vmtests/record"
)

var pictures = flag.String("pictures", "", "write screenshots to this `DIR`")

// browser is a page in Chromium, and what it complained about and requested.
type browser struct {
	*testing.T
	ctx  context.Context
	file string

	mu       sync.Mutex
	errors   []string
	requests []string
}

// open writes a page and opens it in a Chromium without a network.
func open(t *testing.T, records []record.Record) *browser {
	t.Helper()
	path, err := programs.Find("chromium")
	if err != nil {
		require.Empty(t, os.Getenv("NETSTRIP_REQUIRE_VM"), "NETSTRIP_REQUIRE_VM is set: %v", err)
		t.Skipf("SKIPPED, the page was not opened in a browser: %v", err)
	}
	if testing.Short() {
		t.Skip("a browser takes seconds to start")
	}
	b := &browser{T: t, file: filepath.Join(t.TempDir(), "report.html")}
	require.NoError(t, os.WriteFile(b.file, []byte(write(t, records)), 0o644))
	options := append(slices.Clone(chromedp.DefaultExecAllocatorOptions[:]),
		chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.WindowSize(1400, 1000), chromedp.WSURLReadTimeout(2*time.Minute),
		// Whatever Chromium itself would fetch goes to a port where nobody listens.
		chromedp.ProxyServer("127.0.0.1:1"), chromedp.Flag("disable-component-update", true), chromedp.Flag("no-pings", true))
	ctx, stop := chromedp.NewExecAllocator(t.Context(), options...)
	t.Cleanup(stop)
	b.ctx, stop = chromedp.NewContext(ctx)
	t.Cleanup(stop)
	require.NoError(t, chromedp.Listen(b.ctx, b.listen))
	b.load("")
	return b
}

func (b *browser) listen(event any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		b.requests = append(b.requests, e.Request.URL)
	case *runtime.EventExceptionThrown:
		b.errors = append(b.errors, fmt.Sprint(e.ExceptionDetails.Text, e.ExceptionDetails.LineNumber))
	case *runtime.EventConsoleAPICalled:
		b.errors = append(b.errors, "console: "+string(e.Type))
	case *log.EventEntryAdded:
		b.errors = append(b.errors, e.Entry.Text)
	}
}

// patience bounds every action; the machine may be busy.
const actionPatience = 2 * time.Minute

func (b *browser) do(actions ...chromedp.Action[chromedp.Void]) {
	b.Helper()
	ctx, stop := context.WithTimeout(b.ctx, actionPatience)
	defer stop()
	require.NoError(b, chromedp.Do(ctx, actions...))
}

// load opens the page anew with the state of an address.
func (b *browser) load(hash string) {
	b.Helper()
	b.do(chromedp.Navigate("about:blank"), chromedp.Navigate("file://"+b.file+hash))
}

// eval evaluates JavaScript.
func eval[T any](b *browser, script string) T {
	b.Helper()
	ctx, stop := context.WithTimeout(b.ctx, actionPatience)
	defer stop()
	value, err := chromedp.Run(ctx, chromedp.Evaluate[T](script))
	require.NoError(b, err, script)
	return value
}

// until waits for a condition.
func (b *browser) until(condition string) {
	b.Helper()
	require.Eventually(b, func() bool { return eval[bool](b, condition) }, actionPatience, 50*time.Millisecond, condition)
}

// rows counts the rows of the matrix that are visible.
func (b *browser) rows() int {
	b.Helper()
	return eval[int](b, `[...document.querySelectorAll("#probes tr[data-id]")].filter(tr => tr.offsetHeight).length`)
}

func (b *browser) text(selector string) string {
	b.Helper()
	return eval[string](b, `document.querySelector("`+selector+`").innerText`)
}

func (b *browser) click(selector string) {
	b.Helper()
	b.do(chromedp.Click(chromedp.CSS(selector)))
}

// quiet requires that nothing was complained about and nothing requested besides the page.
func (b *browser) quiet() {
	b.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	assert.Empty(b, b.errors)
	for _, u := range b.requests {
		if u != "data:," && u != "about:blank" {
			parsed, err := url.Parse(u)
			require.NoError(b, err)
			assert.Equal(b, "file://"+b.file, "file://"+parsed.Path, "a request")
		}
	}
}

func (b *browser) picture(name string) {
	if *pictures == "" {
		return
	}
	png, err := chromedp.Run(b.ctx, chromedp.CaptureScreenshot())
	require.NoError(b, err)
	require.NoError(b, os.WriteFile(filepath.Join(*pictures, name+".png"), png, 0o644))
}

// fitting counts the rows in which some cell has a class.
func fitting(g grid, fits func(row) bool) (n int) {
	for _, f := range g.Families {
		for _, r := range f.Rows {
			if fits(r) {
				n++
			}
		}
	}
	return n
}

func has(class string) func(row) bool {
	return func(r row) bool { return slices.ContainsFunc(r.Cells, func(c cell) bool { return c.Class == class }) }
}

// study with a difference, so that every button has something to show.
func odd(t *testing.T) []record.Record {
	records := wholeStudy(t)
	for i, f := range records[2].Findings {
		if f.ID == "lo/mtu" {
			records[2].Findings[i].Verdict, records[2].Findings[i].Errno = "inconclusive", "EIO"
		}
	}
	return records
}

func TestBrowser(t *testing.T) {
	records := odd(t)
	b := open(t, records)
	s, err := newStudy(Options{Records: records})
	require.NoError(t, err)
	require.Equal(t, 128, b.rows())
	require.Equal(t, 16, eval[int](b, `document.querySelectorAll("#probes thead th").length - 1`))
	b.picture("light")
	differ := fitting(s.Probes, func(r row) bool {
		return slices.ContainsFunc(r.Cells, func(c cell) bool { return c.Text != r.Cells[0].Text && c.Text != "-" })
	})
	for name, want := range map[string]int{
		"differs": differ, "unexpected": 1, "absent": fitting(s.Probes, has("bad")), "inconclusive": fitting(s.Probes, has("doubt")), "all": 128,
	} {
		b.click(`#probes [data-show=` + name + `]`)
		assert.Equal(t, want, b.rows(), name)
		assert.Equal(t, "true", eval[string](b, `document.querySelector("#probes [data-show=`+name+`]").getAttribute("aria-pressed")`))
	}
	b.click(`#probes [data-show=all]`)
	b.click(`#probes [data-fold]`)
	assert.Zero(t, b.rows())
	b.click(`#probes [data-fold]`)
	b.click(`#probes tbody[data-family=lo] button`)
	assert.Equal(t, 118, b.rows())
	assert.Equal(t, "118 of 128 shown", b.text("#probes output"))
	b.click(`#probes tbody[data-family=lo] button`)
	b.do(chromedp.SendKeys(chromedp.CSS(`#probes [data-find]`), "unix seqp"))
	assert.Equal(t, 1, b.rows(), "the words of a filter are all required")
	b.do(chromedp.Evaluate[chromedp.Void](`document.querySelector("#probes [data-find]").value = ""`), chromedp.SendKeys(chromedp.CSS(`#probes [data-find]`), "posix_mqueue"))
	assert.Positive(t, b.rows(), "the filter finds symbols")
	b.click(`#probes .columns summary`)
	b.click(`#probes input[data-column="1"]`)
	assert.Equal(t, 15, eval[int](b, `[...document.querySelectorAll("#probes thead th")].filter(th => th.offsetWidth).length - 1`))
	b.quiet()
}

// A cell opens with a click, and the next with a button; a key closes it.
func TestCells(t *testing.T) {
	b := open(t, odd(t))
	row := `#probes tr[data-id="socket/tcp4/loopback"] `
	no := eval[int](b, `[...document.querySelectorAll("#probes thead th")].findIndex(th => th.innerText.startsWith("no-net"))`)
	b.do(chromedp.Evaluate[chromedp.Void](`document.querySelector('`+row+`').cells[`+strconv.Itoa(no)+`].querySelector("button").focus()`), chromedp.KeyEvent(kb.Enter))
	said := b.text("#details")
	for _, want := range []string{
		"socket/tcp4/loopback on no-net", "Does TCP over 127.0.0.1", "ENOSYS: function not implemented", "socket(AF_INET, SOCK_STREAM)",
		"the expectations of", "INET", "netstrip run no-net --probes socket/tcp4/loopback --series",
	} {
		assert.Contains(t, said, want)
	}
	b.picture("details")
	b.click("#details .copy")
	b.until(`/copied|selected/.test(document.querySelector("#details .copy").innerText)`)
	b.click("#next")
	assert.Contains(t, b.text("#details-title"), "socket/tcp4/refused")
	b.click("#previous")
	assert.Contains(t, b.text("#details-title"), "socket/tcp4/loopback")
	b.do(chromedp.KeyEvent(kb.Escape))
	b.until(`!document.querySelector("#details").open`)
	b.do(chromedp.KeyEvent(kb.ArrowDown), chromedp.KeyEvent(kb.Enter))
	b.until(`document.querySelector("#details").open`)
	b.click("#close")

	b.click(`#differences a`)
	assert.Contains(t, b.text("#details"), "unexpected: the expectations of")
	b.click("#close")
	assert.Equal(t, "", eval[string](b, `[...document.querySelectorAll("button")].map(b => { b.click(); return "" }).join("")`))
	assert.Greater(t, eval[int](b, `document.querySelectorAll("td button").length`), 2000)
	b.quiet()
}

// An address restores a view, and a view is in the address.
func TestAddress(t *testing.T) {
	b := open(t, odd(t))
	b.load(`#show=absent&q=mqueue&hide=full@6.12&cell=no-net@6.12+kernel%2Fmqueue&b=tiny@6.12`)
	assert.Contains(t, b.text("#details-title"), "kernel/mqueue on no-net@6.12")
	b.click("#close")
	assert.Equal(t, "absent", eval[string](b, `document.querySelector("#probes [aria-pressed=true]").dataset.show`))
	assert.Equal(t, "mqueue", eval[string](b, `document.querySelector("#probes [data-find]").value`))
	assert.Equal(t, "tiny@6.12", eval[string](b, `document.querySelector("#side-b").selectedOptions[0].text`))
	rows := b.rows()
	assert.Positive(t, rows)
	b.click(`#probes [data-show=differs]`)
	b.until(`location.hash.includes("show=differs") && !location.hash.includes("cell=")`)
	b.load(eval[string](b, `location.hash`))
	assert.Equal(t, "differs", eval[string](b, `document.querySelector("#probes [aria-pressed=true]").dataset.show`))
	b.quiet()
}

func TestTwoKernels(t *testing.T) {
	b := open(t, recorded(t, "../compare/testdata/ten.jsonl"))
	said := b.text("#two-out")
	assert.Regexp(t, `Answers: \d+ of \d+ differ`, said)
	assert.Contains(t, said, "first event")
	assert.Contains(t, said, "Medians with 95 % confidence intervals")
	b.do(chromedp.Evaluate[chromedp.Void](`document.querySelector("#two").scrollIntoView({behavior: "instant"})`))
	b.picture("two")
	b.click("#swap")
	assert.NotEqual(t, said, b.text("#two-out"))
	b.quiet()
}

// load returns how many processes have wanted a processor in the last minute, on average.
func load(t *testing.T) (n float64) {
	t.Helper()
	text, err := os.ReadFile("/proc/loadavg")
	require.NoError(t, err)
	_, err = fmt.Sscan(string(text), &n)
	require.NoError(t, err)
	return n
}

// The page opens in 0.5 s and filters in 50 ms. The fastest of some attempts counts for opening, and
// the median key for filtering. On a busy machine opening is measured, but not compared.
func TestSpeed(t *testing.T) {
	b := open(t, odd(t))
	opened := 1e9
	for range 20 {
		b.load("")
		b.until(`performance.getEntriesByType("navigation")[0].loadEventEnd > 0`)
		opened = min(opened, eval[float64](b, `performance.getEntriesByType("navigation")[0].loadEventEnd`))
		if opened < 500 {
			break
		}
	}
	keys := eval[[]float64](b, `(() => {
		const input = document.querySelector("#probes [data-find]"), table = document.querySelector("#probes .matrix"), all = [];
		for (const word of ["enosys", "socket tcp", "unix", "eafnosupport"]) {
			for (let i = 0; i <= word.length; i++) {
				const begin = performance.now();
				input.value = word.slice(0, i);
				input.dispatchEvent(new Event("input"));
				table.getBoundingClientRect();
				all.push(performance.now() - begin);
			}
		}
		return all;
	})()`)
	slices.Sort(keys)
	t.Logf("128 probes on 16 kernels: opened in %.0f ms; a key of the filter took %.1f ms (median of %d), %.1f ms at most",
		opened, keys[len(keys)/2], len(keys), keys[len(keys)-1])
	assert.Less(t, keys[len(keys)/2], 50.0)
	if busy := load(t); busy > float64(goruntime.NumCPU()) {
		t.Skipf("SKIPPED, opening is not compared with 500 ms: %.1f processes want %d processors", busy, goruntime.NumCPU())
	}
	assert.Less(t, opened, 500.0)
}

// The page fits a telephone, and works as tables without scripts; colours follow the system.
func TestScreens(t *testing.T) {
	b := open(t, odd(t))
	_, err := chromedp.Call(b.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: "dark"}},
	})
	require.NoError(t, err)
	assert.Equal(t, "rgb(20, 23, 26)", eval[string](b, `getComputedStyle(document.body).backgroundColor`))
	b.picture("dark")
	b.do(chromedp.EmulateViewport(400, 860))
	assert.LessOrEqual(t, eval[int](b, `document.documentElement.scrollWidth`), 400)
	b.picture("narrow-top")
	b.do(chromedp.Evaluate[chromedp.Void](`document.querySelector("#probes").scrollIntoView({behavior: "instant"})`))
	b.picture("narrow-matrix")
	_, err = chromedp.Call(b.ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
	require.NoError(t, err)
	b.load("")
	two, err := chromedp.Run(b.ctx, chromedp.Attributes(chromedp.CSS("#two")))
	require.NoError(t, err)
	assert.Contains(t, two, "hidden", "what needs the script is hidden without it")
	rows, err := chromedp.Run(b.ctx, chromedp.QueryNodeIDs(chromedp.CSSAll("#probes tr[data-id]")))
	require.NoError(t, err)
	assert.Len(t, rows, 128)
	b.picture("narrow-without-script")
	b.quiet()
}

func TestHostileInBrowser(t *testing.T) {
	if testing.Short() {
		t.Skip("a browser takes seconds to start")
	}
	b := open(t, hostile(t))
	assert.Equal(t, "undefined", eval[string](b, `typeof window.pwned`))
	assert.Equal(t, "", eval[string](b, `[...document.querySelectorAll("td button")].slice(0, 40).map(b => { b.click(); return "" }).join("")`))
	assert.Contains(t, b.text("#details"), "javascript:window.pwned", "it is shown as text")
	assert.Equal(t, "undefined", eval[string](b, `typeof window.pwned`))
	assert.Equal(t, 0, eval[int](b, `[...document.querySelectorAll("a")].filter(a => !a.getAttribute("href").startsWith("#")).length`))
	assert.False(t, strings.Contains(eval[string](b, `document.body.innerText`), "\u202e"))
	b.quiet()
}
