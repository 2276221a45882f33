/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * serve - the kernel's own configuration program as a server that parses only once.
 *
 * It is compiled against a kernel tree: it includes scripts/kconfig/conf.c and is linked
 * with the rest. It runs in the environment that kbuild sets for conf. Its argument is the
 * Kconfig file. Each line of standard input is a command:
 *
 *	allnoconfig, allyesconfig or olddefconfig	what conf does for this option
 *	values allnoconfig, ...				the same, answering with every symbol
 *	symbols						the definition of each symbol
 *	expand						the text in the request with its macros expanded
 *
 * The file open at descriptor 3 contains the request, a .config or a part of one. After
 * "= ok" or "= failed N" on standard output it contains the answer. Each command runs in a
 * child process that starts from the state after parsing, so commands do not affect each
 * other.
 *
 * It runs on the host. It answers like make on Linux 5.10 to 7.3.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "lkc.h"

char *expand_dollar(const char **str); /* 6.11 moved it to another header */

/* conf.c's main() must not parse again. */
#define conf_parse(name) ((void)(name))
#define main conf_main
#include "conf.c"
#undef main
#undef conf_parse

#define MAILBOX "/dev/fd/3"

/*
 * Kconfig deletes its macros after parsing, but "expand" needs them: the linker replaces
 * preprocess.c's function by this one (-Wl,--wrap=variable_all_del).
 */
void __wrap_variable_all_del(void);
void __wrap_variable_all_del(void)
{
}

/* Linux 6.11 replaced menu->file->name by menu->filename, and likewise for prop. */
#ifdef INTERNAL_H
#define FILE_OF(x) ((x)->filename)
#else
#define FILE_OF(x) ((x)->file->name)
#endif

/* The symbol has been written. Kconfig's own flags do not use this bit. */
#define SEEN 0x40000000

static FILE *out;

static void quote(const char *s)
{
	putc('"', out);
	for (; *s; s++) {
		unsigned char c = *s;

		if (c == '"' || c == '\\')
			fprintf(out, "\\%c", c);
		else if (c < 0x20)
			fprintf(out, "\\u%04x", c);
		else
			putc(c, out);
	}
	putc('"', out);
}

/* pair writes ,"key":"value". */
static void pair(const char *key, const char *value)
{
	fprintf(out, ",\"%s\":", key);
	quote(value);
}

static void place(const char *file, int line)
{
	pair("file", file);
	fprintf(out, ",\"line\":%d", line);
}

static const char *operator(enum expr_type t)
{
	switch (t) {
	case E_OR: return "||";
	case E_AND: return "&&";
	case E_NOT: return "!";
	case E_EQUAL: return "=";
	case E_UNEQUAL: return "!=";
	case E_LTH: return "<";
	case E_LEQ: return "<=";
	case E_GTH: return ">";
	case E_GEQ: return ">=";
	case E_RANGE: return "..";
	default:
		fprintf(stderr, "error: an expression of the unknown kind %d\n", t);
		exit(1);
	}
}

/* name returns the name of a symbol. A choice has none; its place is used instead. */
static const char *name(const struct symbol *sym)
{
	static char place[PATH_MAX];
	struct property *p = sym->prop;

	if (sym->name)
		return sym->name;
	while (p && !p->menu)
		p = p->next;
	if (p)
		snprintf(place, sizeof(place), "choice %s:%d", FILE_OF(p->menu), p->menu->lineno);
	return p ? place : "choice";
}

/* A symbol is written as its name, a constant as its value after an apostrophe: "'y". */
static void leaf(const struct symbol *sym)
{
	char *s;

	if (!(sym->flags & SYMBOL_CONST)) {
		quote(name(sym));
		return;
	}
	if (asprintf(&s, "'%s", sym->name) < 0)
		exit(1);
	quote(s);
	free(s);
}

static void expr(const struct expr *e);

/* operands writes a chain of the same operator, which may be long, as one list. */
static void operands(const struct expr *e, enum expr_type t)
{
	if (e->type != t) {
		putc(',', out);
		expr(e);
		return;
	}
	operands(e->left.expr, t);
	operands(e->right.expr, t);
}

/* expr writes a leaf as a string, anything else as ["operator", operand ...]. */
static void expr(const struct expr *e)
{
	if (e->type == E_SYMBOL) {
		leaf(e->left.sym);
		return;
	}
	fprintf(out, "[\"%s\"", operator(e->type));
	switch (e->type) {
	case E_OR:
	case E_AND:
		operands(e, e->type);
		break;
	case E_NOT:
		putc(',', out);
		expr(e->left.expr);
		break;
	default:
		putc(',', out);
		leaf(e->left.sym);
		putc(',', out);
		leaf(e->right.sym);
	}
	putc(']', out);
}

static void condition(const char *key, const struct expr *e)
{
	if (!e)
		return;
	fprintf(out, ",\"%s\":", key);
	expr(e);
}

static void property(const struct property *p)
{
	fprintf(out, "{\"kind\":\"%s\"", p->type == P_MENU ? "prompt" : prop_get_type_name(p->type));
	if (p->text)
		pair("text", p->text);
	condition("value", p->expr);
	condition("if", p->visible.expr);
	place(FILE_OF(p), p->lineno);
	putc('}', out);
}

/* choice_of returns the choice that a menu entry is a member of, or NULL. */
static struct symbol *choice_of(const struct menu *m)
{
	if (!m->prompt || !sym_is_choice_value(m->sym))
		return NULL;
	do
		m = m->parent;
	while (m && !(m->sym && sym_is_choice(m->sym)));
	return m ? m->sym : NULL;
}

static void entry(struct menu *m)
{
	struct symbol *choice = choice_of(m);

	fprintf(out, "{\"name\":");
	quote(name(m->sym));
	place(FILE_OF(m), m->lineno);
	if (m->help)
		pair("help", m->help);
	if (choice)
		pair("choice", name(choice));
	if (!(m->sym->flags & SEEN)) {
		struct property *p;
		const char *sep = "";

		m->sym->flags |= SEEN;
		pair("type", sym_type_name(m->sym->type));
		condition("depends", m->sym->dir_dep.expr);
#ifdef SYMBOL_TRANS /* newer than Linux 6.12 */
		if (m->sym->flags & SYMBOL_TRANS)
			fprintf(out, ",\"transitional\":true");
#endif
		fprintf(out, ",\"properties\":[");
		for (p = m->sym->prop; p; p = p->next) {
			const char *kind = prop_get_type_name(p->type);

			/* Only 6.1 has these, and the menu tree has them too. */
			if (!strcmp(kind, "choice") || !strcmp(kind, "symbol"))
				continue;
			fputs(sep, out);
			property(p);
			sep = ",";
		}
		putc(']', out);
	}
	fprintf(out, "}\n");
}

static void value(struct menu *m)
{
	struct symbol *sym = m->sym;
	const char *s;

	if (sym->flags & SEEN)
		return;
	sym->flags |= SEEN;
	sym_calc_value(sym);
	s = sym_get_string_value(sym);
	fprintf(out, "%s\t%d\t%d\t%d\t%d\t%s\n", name(sym), sym->visible, sym->dir_dep.tri,
		sym->rev_dep.tri, !!(sym->flags & SYMBOL_WRITE), s ? s : "");
}

static void each_entry(struct menu *m, void (*fn)(struct menu *))
{
	for (; m; m = m->next) {
		if (m->sym)
			fn(m);
		each_entry(m->list, fn);
	}
}

static int print(void (*fn)(struct menu *))
{
	out = fopen(MAILBOX, "w");
	if (!out) {
		perror(MAILBOX);
		return 1;
	}
	each_entry(rootmenu.list, fn);
	if (fclose(out)) {
		perror(MAILBOX);
		return 1;
	}
	return 0;
}

/* expand writes a text with each $(macro) replaced, as in a line of a Kconfig file. */
static int expand(void)
{
	static char text[1 << 16];
	const char *p = text;
	FILE *in = fopen(MAILBOX, "r");
	size_t n;

	if (!in) {
		perror(MAILBOX);
		return 1;
	}
	n = fread(text, 1, sizeof(text) - 1, in);
	fclose(in);
	text[n] = '\0';
	out = fopen(MAILBOX, "w");
	if (!out) {
		perror(MAILBOX);
		return 1;
	}
	while (*p) {
		if (*p == '$') {
			p++;
			fputs(expand_dollar(&p), out);
		} else {
			putc(*p++, out);
		}
	}
	if (fclose(out)) {
		perror(MAILBOX);
		return 1;
	}
	return 0;
}

/* asks_nothing reports whether conf asks the user nothing with an option. */
static int asks_nothing(const char *option)
{
	return !strcmp(option, "allnoconfig") || !strcmp(option, "allyesconfig") ||
	       !strcmp(option, "olddefconfig");
}

/* run runs one command in its own process and returns the exit code. */
static int run(char *command, char *program, char *kconfig)
{
	char option[64];
	char *args[] = { program, "-s", option, kconfig, NULL };
	int values = !strncmp(command, "values ", 7);
	int status;

	if (!strcmp(command, "symbols"))
		return print(entry);
	if (!strcmp(command, "expand"))
		return expand();
	if (values)
		command += 7;
	if (!asks_nothing(command)) {
		fprintf(stderr, "error: no such command: %s\n", command);
		return 2;
	}
	snprintf(option, sizeof(option), "--%s", command);
	setenv("KCONFIG_CONFIG", MAILBOX, 1);
	setenv("KCONFIG_ALLCONFIG", MAILBOX, 1);
	/* Write in place, and pretend that auto.conf exists, so conf does not write it. */
	setenv("KCONFIG_OVERWRITECONFIG", "1", 1);
	setenv("KCONFIG_AUTOCONFIG", "/dev/null", 1);
	status = conf_main(4, args);
	return status || !values ? status : print(value);
}

static int answer(char *command, char *program, char *kconfig)
{
	int status, null;
	pid_t child;

	fflush(stdout);
	child = fork();
	if (child == 0) {
		null = open("/dev/null", O_RDWR);
		dup2(null, 0);
		exit(run(command, program, kconfig));
	}
	if (child < 0 || waitpid(child, &status, 0) < 0) {
		perror("fork");
		return 1;
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int main(int argc, char **argv)
{
	char *command = NULL;
	size_t size = 0;
	ssize_t n;

	if (argc != 2) {
		fprintf(stderr, "usage: %s KCONFIG\n", argv[0]);
		return 2;
	}
	(conf_parse)(argv[1]);
	while ((n = getline(&command, &size, stdin)) > 0) {
		int status;

		command[n - 1] = '\0';
		status = answer(command, argv[0], argv[1]);
		if (status)
			printf("= failed %d\n", status);
		else
			printf("= ok\n");
		fflush(stdout);
	}
	free(command);
	return 0;
}
