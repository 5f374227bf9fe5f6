#include "commerce/store.h"

void store_destroy(struct store *store)
{
	if (store)
		store->ops->destroy(store);
}
