// SPDX-License-Identifier: GPL-2.0
/*
 * QEMU plugin: how often each translated block ran. At the end a line for each:
 * address, instructions in it, times. One CPU; see scripts/profile.
 *
 * What is declared here of QEMU's plugin interface, version 1, is no part of
 * Debian's packages.
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXPORT		__attribute__((visibility("default")))
#define INLINE_ADD_U64	0
#define BUCKETS		(1 << 16)

typedef uint64_t qemu_plugin_id_t;
struct qemu_plugin_tb;

void qemu_plugin_register_vcpu_tb_trans_cb(qemu_plugin_id_t id,
		void (*cb)(qemu_plugin_id_t id, struct qemu_plugin_tb *tb));
void qemu_plugin_register_atexit_cb(qemu_plugin_id_t id,
		void (*cb)(qemu_plugin_id_t id, void *data), void *data);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
uint64_t qemu_plugin_tb_vaddr(const struct qemu_plugin_tb *tb);
void qemu_plugin_register_vcpu_tb_exec_inline(struct qemu_plugin_tb *tb, int op,
					      void *counter, uint64_t add);

EXPORT int qemu_plugin_version = 1;

struct block {
	struct block *next;
	uint64_t address;
	uint64_t insns;
	uint64_t times;
};

static struct block *blocks[BUCKETS];
static const char *path;

static struct block *find_block(uint64_t address, uint64_t insns)
{
	struct block **bucket = &blocks[(address ^ insns << 9) % BUCKETS];
	struct block *block;

	for (block = *bucket; block; block = block->next)
		if (block->address == address && block->insns == insns)
			return block;
	block = calloc(1, sizeof(*block));
	if (!block)
		abort();
	block->address = address;
	block->insns = insns;
	block->next = *bucket;
	*bucket = block;
	return block;
}

static void translated(qemu_plugin_id_t id, struct qemu_plugin_tb *tb)
{
	struct block *block = find_block(qemu_plugin_tb_vaddr(tb),
					 qemu_plugin_tb_n_insns(tb));

	(void)id;
	qemu_plugin_register_vcpu_tb_exec_inline(tb, INLINE_ADD_U64,
						 &block->times, 1);
}

static void ended(qemu_plugin_id_t id, void *data)
{
	FILE *file = fopen(path, "w");
	struct block *block;
	int i;

	(void)id;
	(void)data;
	if (!file) {
		perror(path);
		return;
	}
	for (i = 0; i < BUCKETS; i++)
		for (block = blocks[i]; block; block = block->next)
			if (block->times)
				fprintf(file, "%" PRIx64 " %" PRIu64 " %" PRIu64
					"\n", block->address, block->insns,
					block->times);
	fclose(file);
}

EXPORT int qemu_plugin_install(qemu_plugin_id_t id, const void *info, int argc,
			       char **argv)
{
	(void)info;
	if (argc != 1 || strncmp(argv[0], "out=", 4)) {
		fprintf(stderr, "insns: the argument is out=FILE\n");
		return 1;
	}
	path = strdup(argv[0] + 4);
	qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
	qemu_plugin_register_atexit_cb(id, ended, NULL);
	return 0;
}
