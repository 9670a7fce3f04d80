package example.shop

import android.app.Application
import android.util.Log
import io.headwater.analytics.Analytics
import io.headwater.analytics.android.Analytics

class ShopApplication : Application() {
    lateinit var analytics: Analytics
        private set

    override fun onCreate() {
        super.onCreate()
        analytics = Analytics("shop", this) {
            apiHost = hub
            trackActivities = true
            onReport { report -> Log.w("shop", report.toString()) }
            onError { error -> Log.e("shop", "analytics", error) }
        }
    }

    companion object {
        /** `make demo` on the developer's machine, as an emulator sees it. */
        var hub = "http://10.0.2.2:8765"
    }
}
