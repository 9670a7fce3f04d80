package io.headwater.analytics.internal

import io.headwater.analytics.Analytics
import io.headwater.analytics.UserInfoHandler
import java.util.concurrent.Executor

/** Who wants to know of the user. */
internal class Users {
    private class Subscriber(val executor: Executor, val handler: UserInfoHandler)

    private val subscribers = LinkedHashMap<Int, Subscriber>()
    private var next = 1

    @Volatile
    var referrer: String? = null
        private set

    fun refer(url: String, analytics: Analytics) {
        referrer = url
        changed(analytics)
    }

    fun subscribe(executor: Executor, handler: UserInfoHandler, analytics: Analytics): Int {
        val subscriber = Subscriber(executor, handler)
        val id = synchronized(subscribers) { next++.also { subscribers[it] = subscriber } }
        analytics.whenOpen { tell(subscriber, analytics) }
        return id
    }

    fun unsubscribe(id: Int) {
        synchronized(subscribers) { subscribers.remove(id) }
    }

    fun changed(analytics: Analytics) {
        val all = synchronized(subscribers) { subscribers.values.toList() }
        for (subscriber in all) tell(subscriber, analytics)
    }

    private fun tell(subscriber: Subscriber, analytics: Analytics) {
        val info = analytics.userInfo()
        analytics.guarded {
            subscriber.executor.execute { analytics.guarded { subscriber.handler.onUserInfo(info) } }
        }
    }
}
