package example;

import jakarta.servlet.Filter;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import org.springframework.beans.factory.annotation.Value;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.context.annotation.Bean;
import org.springframework.security.config.annotation.web.builders.HttpSecurity;
import org.springframework.security.config.annotation.web.configurers.oauth2.client.OidcBackChannelLogoutHandler;
import org.springframework.security.core.annotation.AuthenticationPrincipal;
import org.springframework.security.oauth2.client.oidc.session.InMemoryOidcSessionRegistry;
import org.springframework.security.oauth2.client.oidc.session.OidcSessionRegistry;
import org.springframework.security.oauth2.client.oidc.web.logout.OidcClientInitiatedLogoutSuccessHandler;
import org.springframework.security.oauth2.client.registration.ClientRegistrationRepository;
import org.springframework.security.oauth2.client.web.DefaultOAuth2AuthorizationRequestResolver;
import org.springframework.security.oauth2.client.web.OAuth2AuthorizationRequestCustomizers;
import org.springframework.security.oauth2.client.web.OAuth2LoginAuthenticationFilter;
import org.springframework.security.oauth2.core.oidc.user.OidcUser;
import org.springframework.security.web.SecurityFilterChain;
import org.springframework.security.web.csrf.CsrfToken;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.RestController;
import org.springframework.web.util.HtmlUtils;

/**
 * 一个接入名籍的平台，用 Spring Security：登录、退出、在别处退出。
 * A platform that signs people in at Mingji: sign-in, sign-out, and the sign-out that happens elsewhere.
 *
 * <p>Begins at /oauth2/authorization/mingji; hears of sign-outs at /logout/connect/back-channel/mingji.
 */
@SpringBootApplication
@RestController
public class RelyingParty {
    private static final String CALLBACK = "/callback";

    public static void main(String[] arguments) {
        SpringApplication.run(RelyingParty.class, arguments);
    }

    @Bean
    SecurityFilterChain security(
            HttpSecurity http,
            ClientRegistrationRepository clients,
            @Value("${ISSUER}") String issuer,
            @Value("${BASE_URL}") String base)
            throws Exception {
        // Spring leaves PKCE out for clients that have a secret.
        var requests = new DefaultOAuth2AuthorizationRequestResolver(clients, "/oauth2/authorization");
        requests.setAuthorizationRequestCustomizer(OAuth2AuthorizationRequestCustomizers.withPkce());
        var goodbye = new OidcClientInitiatedLogoutSuccessHandler(clients);
        goodbye.setPostLogoutRedirectUri(base + "/signed-out");
        return http.authorizeHttpRequests(paths -> paths
                        .requestMatchers("/", "/signed-out", "/failed", "/error").permitAll()
                        .anyRequest().authenticated())
                .oauth2Login(login -> login
                        .loginPage("/")
                        .loginProcessingUrl(CALLBACK)
                        .failureUrl("/failed")
                        .authorizationEndpoint(endpoint -> endpoint.authorizationRequestResolver(requests)))
                .addFilterBefore(answersOf(issuer), OAuth2LoginAuthenticationFilter.class)
                .logout(logout -> logout.logoutSuccessHandler(goodbye))
                .oidcLogout(logout -> logout.backChannel(channel -> {}))
                .build();
    }

    /** RFC 9207, 2.4, which Spring leaves to us. Errors name the issuer too. */
    private static Filter answersOf(String issuer) {
        return (request, response, chain) -> {
            var answer = ((HttpServletRequest) request).getServletPath().equals(CALLBACK);
            if (answer && !issuer.equals(request.getParameter("iss"))) {
                ((HttpServletResponse) response).sendRedirect("/failed");
            } else {
                chain.doFilter(request, response);
            }
        };
    }

    /** In memory: a platform with more than one process keeps it, and its sessions, in its database. */
    @Bean
    OidcSessionRegistry sessions() {
        return new InMemoryOidcSessionRegistry();
    }

    /** Ends a session by its cookie, which has a name of ours. */
    @Bean
    OidcBackChannelLogoutHandler endings(
            OidcSessionRegistry sessions, @Value("${server.servlet.session.cookie.name}") String cookie) {
        var handler = new OidcBackChannelLogoutHandler(sessions);
        handler.setSessionCookieName(cookie);
        return handler;
    }

    @GetMapping("/")
    String home(@AuthenticationPrincipal OidcUser person, CsrfToken csrf) {
        if (person == null) {
            return page("<a id=\"login\" href=\"/oauth2/authorization/mingji\">登录 Sign in</a>");
        }
        return page("<p><b id=\"name\">" + HtmlUtils.htmlEscape(person.getFullName()) + "</b> <code id=\"sub\">"
                + HtmlUtils.htmlEscape(person.getSubject()) + "</code></p>"
                + "<form method=\"post\" action=\"/logout\"><input type=\"hidden\" name=\"" + csrf.getParameterName()
                + "\" value=\"" + csrf.getToken() + "\"><button>退出 Sign out</button></form>");
    }

    @GetMapping("/signed-out")
    String signedOut() {
        return page("<p id=\"signed-out\">已退出 Signed out</p>");
    }

    @GetMapping("/failed")
    String failed() {
        return page("<p id=\"problem\">没有登录 Not signed in</p><a href=\"/\">再试一次 Try again</a>");
    }

    private static String page(String body) {
        return "<!doctype html><meta charset=\"utf-8\"><title>Spring Security</title>" + body;
    }
}
