#include "media/transcoder/gate.h"

void gate_init(struct gate *gate, unsigned width)
{
	*gate = (struct gate){ .width = width };
	pthread_mutex_init(&gate->lock, NULL);
	pthread_cond_init(&gate->changed, NULL);
}

uint64_t gate_ticket(struct gate *gate)
{
	return gate->given++;
}

void gate_enter(struct gate *gate, uint64_t ticket)
{
	pthread_mutex_lock(&gate->lock);
	while (ticket >= gate->left + gate->width)
		pthread_cond_wait(&gate->changed, &gate->lock);
	pthread_mutex_unlock(&gate->lock);
}

void gate_leave(struct gate *gate)
{
	pthread_mutex_lock(&gate->lock);
	gate->left++;
	pthread_cond_broadcast(&gate->changed);
	pthread_mutex_unlock(&gate->lock);
}

void gate_finish(struct gate *gate)
{
	pthread_cond_destroy(&gate->changed);
	pthread_mutex_destroy(&gate->lock);
}
