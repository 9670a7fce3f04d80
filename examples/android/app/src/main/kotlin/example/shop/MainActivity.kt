package example.shop

import android.app.Activity
import android.os.Bundle
import android.widget.Button
import android.widget.LinearLayout

class MainActivity : Activity() {
    private val analytics get() = (application as ShopApplication).analytics

    override fun onCreate(savedInstanceState: Bundle?) {
        super.onCreate(savedInstanceState)
        title = "Products"
        val page = LinearLayout(this).apply { orientation = LinearLayout.VERTICAL }
        page.button("Sign in") { analytics.identify("u1", mapOf("plan" to "pro")) }
        page.button("Buy") { analytics.track("Order Completed", mapOf("total" to 27.5, "currency" to "EUR")) }
        page.button("Send now") { analytics.flush() }
        page.button("Sign out") { analytics.reset() }
        setContentView(page)
    }

    private fun LinearLayout.button(label: String, act: () -> Unit) = addView(
        Button(context).apply {
            text = label
            setOnClickListener { act() }
        },
    )
}
