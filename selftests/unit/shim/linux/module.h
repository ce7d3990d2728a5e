/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _SHIM_MODULE_H
#define _SHIM_MODULE_H

#include <stdbool.h>

struct module {
	int references;
	bool leaving;
};

static inline bool try_module_get(struct module *module)
{
	if (module && module->leaving)
		return false;
	if (module)
		module->references++;
	return true;
}

static inline void module_put(struct module *module)
{
	if (module)
		module->references--;
}

#endif /* _SHIM_MODULE_H */
