/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _SHIM_MINMAX_H
#define _SHIM_MINMAX_H

#define min_t(type, x, y)						\
({									\
	type _min_x = (x), _min_y = (y);				\
									\
	_min_x < _min_y ? _min_x : _min_y;				\
})

#define max_t(type, x, y)						\
({									\
	type _max_x = (x), _max_y = (y);				\
									\
	_max_x > _max_y ? _max_x : _max_y;				\
})

#define min(x, y)	min_t(__typeof__(x), x, y)
#define max(x, y)	max_t(__typeof__(x), x, y)
#define min3(x, y, z)	min(min(x, y), z)
#define max3(x, y, z)	max(max(x, y), z)
#define clamp_t(type, x, low, high)	min_t(type, max_t(type, x, low), high)
#define clamp(x, low, high)	clamp_t(__typeof__(x), x, low, high)

#endif /* _SHIM_MINMAX_H */
