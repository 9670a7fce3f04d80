package io.headwater.analytics;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertSame;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/** The API as Java sees it. */
class JavaUseTest {
    private static final class Names implements EventPlugin {
        final List<String> names = new ArrayList<>();
        private Analytics analytics;

        @Override
        public Plugin.Type getType() {
            return Plugin.Type.After;
        }

        @Override
        public Analytics getAnalytics() {
            return analytics;
        }

        @Override
        public void setAnalytics(Analytics analytics) {
            this.analytics = analytics;
        }

        @Override
        public BaseEvent track(TrackEvent payload) {
            names.add(payload.getEvent());
            return payload;
        }
    }

    @Test
    void javaMakesAllCallsAndWritesPlugins() throws Exception {
        try (Analytics analytics = Analytics.create("key", configuration -> {
            configuration.setApiHost("http://127.0.0.1:9");
            configuration.setFetchSettings(false);
            configuration.setDurability(Durability.Memory);
            configuration.onError(error -> { });
            configuration.onReport(report -> assertNotNull(report.getReason()));
        })) {
            analytics.setOnline(false);
            Names names = new Names();
            analytics.add(names);
            analytics.track("plain");
            analytics.track("map", Map.of("total", 27.5, "items", List.of("hat")));
            analytics.track("enriched", Map.of(), event -> {
                event.setUserId("u9");
                return event;
            });
            analytics.identify("u1");
            analytics.identify("u1", Map.of("plan", "pro"));
            analytics.identify(Map.of("name", "Ada"));
            analytics.screen("Cart");
            analytics.screen("Cart", Map.of("items", 2), "Shop");
            analytics.group("g1", Map.of("seats", 5));
            analytics.alias("u2");
            analytics.process(new TrackEvent("made"));
            assertEquals(List.of("plain", "map", "enriched", "made"), names.names);
            assertEquals("u1", analytics.userId());
            assertSame(names, analytics.find(Names.class));
            assertEquals(11, analytics.pendingEvents());
            CountDownLatch told = new CountDownLatch(1);
            analytics.subscribeToUserInfo(info -> told.countDown());
            told.await(60, TimeUnit.SECONDS);
            analytics.setConsent(Map.of("ads", true));
            analytics.purgeStorage();
            analytics.reset();
        }
    }
}
